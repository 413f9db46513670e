"""The catalogue: finding things, and what there is to know about each."""
