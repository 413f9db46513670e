"""Chaos: the whole system as real processes, its links spoilt and its processes killed, and its books checked after it.

The rooms: `faults` (what the weather on a link is, pure), `proxy` (that weather on sockets), `stage` (the processes),
`monkey` (who is killed, stopped or rivalled, and when), `buyers` and `browsers` (orders, by gRPC and by HTTP),
`journal` and `verdict` (what must be true in the end), `report`, and `play`, which runs one performance of it.

Rules: everything is on this machine's loopback; numbers and times are bounded; whatever is drawn is drawn from the
seed; nothing outlives the command, however it ends.
"""
