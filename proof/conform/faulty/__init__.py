"""UPSes with one mistake each, to see that the kit finds it: the stand-in with a fault planted.

Rules: a fault is one that a team really makes; it names the cases that must find it; everything else stays as it is.
The rooms: `victim` (the stand-in, and where it can be broken), `bytes`, `numbers`, `jobs` (the faults), `planted` (all
of them, and the table of the document).
"""
