"""Selling: becoming a seller, own items and their stock."""
