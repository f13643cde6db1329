"""The shop: catalogue, carts, checkout, orders, payments, refunds and returns."""
