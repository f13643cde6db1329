"""A simulator of PayPal's Orders v2 and Payments v2: approval, authorisations, captures, refunds, signed webhooks."""
