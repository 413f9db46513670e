"""What may be written as a name, a title, a description, a label or a review."""

from types import SimpleNamespace

import pytest
from wtforms import ValidationError

from storefront.fields import Visible

NAME, NOTE = Visible("your name", high=80), Visible("a note", low=0, high=80, lines=True)
UNSEEN = {
    "zero-width space": "\u200b",
    "byte order mark": "\ufeff",
    "word joiner and a space": "\u2060 \u2060",
    "marks of direction": "\u200e\u200f",
    "no-break space": "\u00a0",
    "an accent of nothing": "\u0301",
    "a selector of nothing": "\ufe0f",
    "Hangul filler": "\u3164",
    "blank Braille": "\u2800",
}
TURNING = ["mug\u202egum", "\u202amug\u202c", "\u2069mug", "\u2067mug\u2069"]
SEEN = {
    "letters": "Ann",
    "a sign": "?",
    "an emoji with joiners": "\U0001f468\u200d\U0001f469\u200d\U0001f467",
    "a heart with a selector": "\u2764\ufe0f",
    "a mark of direction beside letters": "\u05e9\u05dc\u05d5\u05dd (1)\u200f",
    "Persian with its non-joiner": "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
    "Hindi with its vowels": "\u0928\u092e\u0938\u094d\u0924\u0947",
    "an accent apart": "e\u0301",
    "an emoji of years to come": "\U0001fae9",
}


def problem(rule: Visible, text: str) -> str:
    try:
        rule(None, SimpleNamespace(data=text))
    except ValidationError as refused:
        return str(refused)
    return ""


@pytest.mark.parametrize("text", UNSEEN.values(), ids=UNSEEN)
def test_of_what_nobody_can_see_something_else_is_asked(text: str) -> None:
    assert problem(NAME, text) == "Write your name."
    assert problem(NOTE, text) in ("", "Write a note, or nothing at all.")
    assert bool(problem(NOTE, text)) == bool(text.strip())


@pytest.mark.parametrize("text", TURNING)
def test_what_turns_others_round_is_refused(text: str) -> None:
    assert "turn a part of this text round" in problem(NAME, text)


@pytest.mark.parametrize("text", SEEN.values(), ids=SEEN)
def test_whatever_can_be_seen_is_fine(text: str) -> None:
    assert problem(NAME, text) == ""
    assert problem(NOTE, f"{text}\r\n{text}") == ""


def test_a_note_may_be_left_empty() -> None:
    assert problem(NOTE, "") == problem(NOTE, " \r\n") == ""
    assert problem(NAME, "") == "Write your name."
