"""The address book: places on the grid that somebody orders to."""
