"""Checkout: from a cart to an order that is surely there, surely not there, or being confirmed."""
