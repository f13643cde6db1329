"""The integration hub: outbox, ERP, stock, shipping, tracking, messages, rates and jobs."""
