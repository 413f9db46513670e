"""The rules, pure: no database, no clock, no network. Imports nothing of the layers above."""
