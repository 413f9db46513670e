"""The orders service: accepts orders, commits them, and sees them delivered."""
