"""CAR-10: The customs declaration shows the label text as invoice number.

The wrong field is read. Seen in myparcelnl/sdk#174.
"""


def customs_invoice_number(number: str, label_text: str) -> str:
    """Return the text of the label."""
    return label_text[:35]


SEAMS = {"customs_invoice_number": customs_invoice_number}
WAITS_FOR = "O-K3: customs declarations (F04)"
