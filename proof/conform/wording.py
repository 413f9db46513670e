"""Messages and bytes as a person reads them in a report."""

from google.protobuf import text_format
from google.protobuf.message import Message

_LONGEST = 300


def in_words(message: Message) -> str:
    """A message in one line; a field that the contract has not has its number for a name."""
    text = text_format.MessageToString(message, as_one_line=True, print_unknown_fields=True) or "nothing"
    return shortened(f"{type(message).__name__} {{ {text} }}")


def as_text(came: str | bytes) -> str:
    """Text of a partner's; where it is no UTF-8 (then protobuf gives bytes) the odd bytes in hex."""
    return came.decode(errors="backslashreplace") if isinstance(came, bytes) else came


def in_hex(data: bytes) -> str:
    """Bytes in hex, the first of many."""
    head = data[:24].hex(" ")
    return f"bytes {head}" if len(data) <= 24 else f"bytes {head} ... ({len(data)} in all)"


def shortened(text: str) -> str:
    """Not too long for a line of a report."""
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} ..."
