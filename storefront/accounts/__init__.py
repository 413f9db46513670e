"""Accounts: registering, logging in and out, and the profile."""
