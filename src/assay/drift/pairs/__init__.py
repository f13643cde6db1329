"""Two systems that should hold the same records: declared as pairs, compared whole, differences named by their cause."""
