"""Read-only checks over what systems of record hold: a census of orders, rates, stock, parcels, heartbeats."""
