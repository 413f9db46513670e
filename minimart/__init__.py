"""The command `minimart`: starts and watches the whole shop, orders from it, and says how it is."""
