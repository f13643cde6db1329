"""What vendors document, held against stand-ins, traffic, live answers and the next version of the document."""
