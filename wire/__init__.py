"""Bytes and numbers between us and a peer: frames, sequence numbers, acks, re-sends; no message types and no clock."""
