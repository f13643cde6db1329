"""The HTTP surface: storefront API, webhooks in, operator endpoints and admin."""
