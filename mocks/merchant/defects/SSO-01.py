"""SSO-01: Alice@X and alice@x become two accounts.

Addresses are compared letter by letter. Seen in documenso/documenso#2397 and karakeep-app/karakeep#411.
"""


def email_key(email: str) -> str:
    """Return the address as it was written."""
    return email


SEAMS = {"email_key": email_key}
WAITS_FOR = "F18: sign-on, O-A1"
