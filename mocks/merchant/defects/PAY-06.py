"""PAY-06: Going back in the browser on the 3D Secure page cancels a paid order.

A return without data counts as a failure. Seen in Adyen/adyen-magento#641.
"""


def cancels_on_return(has_intent: bool, already_ordered: bool) -> bool:
    """Cancel when the data is missing."""
    return already_ordered and not has_intent


SEAMS = {"cancels_on_return": cancels_on_return}
SHOWN_BY = ("back_button",)
CAUGHT_BY = ("O-O4",)
