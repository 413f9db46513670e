"""The cart: what a shopper means to buy, kept in the database."""
