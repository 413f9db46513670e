"""How a rule says no to one element of a command: the text goes to the peer as an error, nothing else changes."""


class Refused(Exception):
    """An element cannot be done. `text` is what the peer reads in AErr.err or UErr.err."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class WorldDied(Exception):
    """The real program would have ended here (a load at a simspeed below 60); `reason` is for people."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
