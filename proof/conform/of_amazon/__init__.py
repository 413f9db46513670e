"""The conformance kit the other way round: a UPS team checks an Amazon, `minimart conform amazon`.

Rules: those of proof.conform; what is expected is what docs/ups-protocol.md says of Amazon. The kit is the UPS, and the
world is its stand-in, whose book says what Amazon really did. The rooms: `ups` (the connection), `world`, `orders` (how
an order comes about), `asking` (how a shopper asks for something about it), `kit` and `job` (what a case is given),
`catalogue` and `catalogue_*` (the cases), `command`.
"""
