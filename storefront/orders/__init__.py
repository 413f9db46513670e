"""Orders: the list, and the page that follows one order as it goes."""
