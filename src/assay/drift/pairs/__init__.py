"""Two systems that should hold the same records: declared as pairs, compared whole, each difference with its cause."""
