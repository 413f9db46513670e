"""Form fields and rules that several rooms need: exact integers, prices, names, one-line text.

Rules: what was typed is kept and shown again; a message says what to write instead.
"""

import re
import unicodedata
from decimal import Decimal
from typing import Any

from wtforms import StringField, ValidationError

INT32_MIN, INT32_MAX = -(2**31), 2**31 - 1
MAX_PRICE_CENTS = 100_000_000

_INTEGER = re.compile(r"[+-]?[0-9]{1,12}", re.ASCII)
# Letters, by the Unicode standard, that show nothing.
_BLANKS = "\u115f\u1160\u2800\u3164\uffa0"
# What turns others round; what is written by itself needs none of them.
_TURNING = ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
_PRICE = re.compile(r"[0-9]{1,7}(?:[.,][0-9]{1,2})?", re.ASCII)


class WholeNumber(StringField):
    """An integer between `low` and `high`; its data is an int, or None after an error."""

    def __init__(self, label: str, *, low: int, high: int, **options: Any) -> None:
        super().__init__(label, **options)
        self.low = low
        self.high = high
        self.typed = ""

    def process_data(self, value: int | None) -> None:
        """Takes the default."""
        self.data = value
        self.typed = "" if value is None else str(value)

    def process_formdata(self, valuelist: list[str]) -> None:
        """Takes what was typed. ValueError: it is no such number."""
        if not valuelist:
            return
        self.typed, self.data = valuelist[0], None
        text = self.typed.strip().replace("\N{MINUS SIGN}", "-")
        if not text:
            raise ValueError(f"Write a whole number from {self.low:,} to {self.high:,}.")
        if not _INTEGER.fullmatch(text):
            raise ValueError("Write a whole number, such as 12.")
        if not self.low <= int(text) <= self.high:
            raise ValueError(f"Write a whole number from {self.low:,} to {self.high:,}.")
        self.data = int(text)

    def post_validate(self, _form: Any, _stopped: bool) -> None:
        """ValidationError: the field was not sent at all, as no page of ours does."""
        if self.data is None and not self.errors:
            raise ValidationError(f"Write a whole number from {self.low:,} to {self.high:,}.")

    @property
    def number(self) -> int:
        """The number, once the form is valid."""
        assert self.data is not None
        return int(self.data)

    def _value(self) -> str:
        return self.typed


class Price(StringField):
    """Dollars and cents; its data is an int of cents, or None after an error."""

    def __init__(self, label: str, **options: Any) -> None:
        super().__init__(label, **options)
        self.typed = ""

    def process_data(self, value: int | None) -> None:
        """Takes the default, in cents."""
        self.data = value
        self.typed = "" if value is None else f"{value // 100}.{value % 100:02}"

    def process_formdata(self, valuelist: list[str]) -> None:
        """Takes what was typed. ValueError: it is no price."""
        if not valuelist:
            return
        self.typed, self.data = valuelist[0], None
        self.data = read_price(self.typed)

    def post_validate(self, _form: Any, _stopped: bool) -> None:
        """ValidationError: the field was not sent at all, as no page of ours does."""
        if self.data is None and not self.errors:
            raise ValidationError("Write a price in dollars, such as 4.50.")

    @property
    def cents(self) -> int:
        """The price in cents, once the form is valid."""
        assert self.data is not None
        return int(self.data)

    def _value(self) -> str:
        return self.typed


class NotAPrice(ValueError):
    """This is no price; the message says what to write instead."""


def read_price(typed: str) -> int:
    """Dollars and cents, as people write them, in cents. NotAPrice: it is none."""
    text = typed.strip().removeprefix("$").strip()
    if not _PRICE.fullmatch(text):
        raise NotAPrice("Write a price in dollars, such as 4.50.")
    cents = int(Decimal(text.replace(",", ".")) * 100)
    if not 0 < cents <= MAX_PRICE_CENTS:
        raise NotAPrice("Write a price from 0.01 to 1000000.00.")
    return cents


def one_line(value: str | None) -> str:
    """The text without spaces around it, runs of white space made one, in composed form."""
    return unicodedata.normalize("NFC", " ".join((value or "").split()))


def is_invisible(letter: str) -> bool:
    """Whether it shows nothing, not even a space: joiners, marks of direction, blank letters."""
    return letter in _BLANKS or unicodedata.category(letter) == "Cf"


def _is_seen(letter: str) -> bool:
    """Whether it shows something by itself. What this Python does not know yet may be a new emoji."""
    category = unicodedata.category(letter)
    return category[0] not in "ZM" and category not in ("Cc", "Cs") and not is_invisible(letter)


class Visible:
    """A rule: the text has something to see, no control characters (line breaks only where `lines`), turns none round.

    Joiners and marks of direction are fine beside what they are for.
    """

    def __init__(self, what: str, *, low: int = 1, high: int, lines: bool = False) -> None:
        self.what = what
        self.low = low
        self.high = high
        self.lines = lines

    def __call__(self, _form: Any, field: Any) -> None:
        """ValidationError: the text is empty, too short, too long, or has characters that nobody can see."""
        text = field.data or ""
        if (self.low or text.strip()) and not any(map(_is_seen, text)):
            raise ValidationError(f"Write {self.what}." if self.low else f"Write {self.what}, or nothing at all.")
        if len(text) < self.low:
            raise ValidationError(f"Write {self.what}, at least {self.low} characters.")
        if len(text) > self.high:
            raise ValidationError(f"Write at most {self.high} characters; these are {len(text)}.")
        allowed = "\n\r\t" if self.lines else ""
        if any(unicodedata.category(letter) in ("Cc", "Cs") and letter not in allowed for letter in text):
            raise ValidationError("Some characters in this text cannot be shown; write it without them.")
        if any(unicodedata.bidirectional(letter) in _TURNING for letter in text):
            raise ValidationError("Hidden characters turn a part of this text round; type it rather than paste it.")
