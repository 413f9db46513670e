"""The outbox: commands are written with the state that wants them, and sent from there."""
