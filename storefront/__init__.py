"""The shop in the browser: accounts, catalogue, cart, checkout, order pages, seller pages."""
