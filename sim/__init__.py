"""Stand-ins for what is not ours: a world (`sim.world`) and a UPS team's server (`sim.ups`).

Each is a pure model (virtual time, one random generator, no I/O) under a thin TCP shell. Their rules for numbers and
acks are written apart from `wire.session` on purpose: a mistake shared by both sides would be invisible.
"""
