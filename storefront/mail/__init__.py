"""E-mail: written in the transaction of what it tells of, sent by a thread of its own."""
