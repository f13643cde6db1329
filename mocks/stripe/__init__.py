"""A simulator of Stripe's payments API: intents, charges, refunds, ledger, events and signed webhooks."""
