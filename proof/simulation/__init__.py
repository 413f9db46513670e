"""Deterministic simulation: the whole system in one process and in virtual time, from one seed.

Real: orders_svc (App, Dispatcher, servicers) on a real SQLite, both bridge cores with wire.session and wire.framing,
the stand-in models of the world and of UPS. Simulated: time, sockets, gRPC's transport, process life, disk faults.
Rules: one thread; every choice comes from a generator of the seed and of one concern; the same seed and the same plan
give the same trace, byte for byte; `environment` is below all parts of a run, `room` builds them and alone knows all
of them. Entry: `proof.simulation.room.run_seed`; command: `minimart simulate`.
"""
