"""Adyen Checkout, simulated: payments, modifications and signed standard webhooks of one merchant account."""
