"""An Amazon that a UPS team runs alone: `minimart mock amazon`.

It follows docs/ups-protocol.md from the other side, in memory: no database, no shopper, no other process. The rooms:
`model` (pure: bytes in, bytes out, time as an argument), `script` (what is ordered when), `words` (messages for
people), `shell` (sockets), `command` (options and the live view). Its rules of numbers and acks are written apart from
`wire.session`.
"""
