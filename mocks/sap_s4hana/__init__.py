"""The simulator of SAP S/4HANA Cloud: sales orders, deliveries, stock, products and business partners."""
