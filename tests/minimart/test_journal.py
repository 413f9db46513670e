"""The log: cut into lines however it arrives, named, and coloured only on a terminal."""

import io

from hypothesis import given
from hypothesis import strategies as st

from minimart.journal import Journal, Lines


@given(
    st.lists(st.text(st.characters(exclude_characters="\r\n\x00", exclude_categories=["Cs"]), min_size=1)), st.data()
)
def test_lines_are_the_same_however_they_arrive(lines: list[str], data: st.DataObject) -> None:
    written = "".join(f"{line}\n" for line in lines).encode()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(written)), max_size=10)))
    cutter, found = Lines(), []
    for begin, end in zip([0, *cuts], [*cuts, len(written)], strict=True):
        found += cutter.feed(written[begin:end])
    assert found + cutter.end() == [line for line in lines if line.encode().strip()]


def test_an_endless_line_comes_in_pieces() -> None:
    lines = Lines()
    pieces = [piece for _ in range(10) for piece in lines.feed(b"x" * 10_000)]
    assert sum(map(len, pieces)) + sum(map(len, lines.end())) == 100_000
    assert len(pieces) > 1


def test_the_last_line_needs_no_end() -> None:
    lines = Lines()
    assert lines.feed(b"one\ntwo") == ["one"]
    assert lines.end() == ["two"]
    assert lines.end() == []


def test_lines_carry_names_and_no_colours_off_a_terminal() -> None:
    stream = io.StringIO()
    journal = Journal(stream, ["a", "longer_than_minimart"])
    journal.write("a", "hello")
    journal.say("bye")
    assert stream.getvalue() == "a                    | hello\nminimart             | bye\n"


def test_a_terminal_gets_colours() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    stream = Terminal()
    Journal(stream, ["a"]).write("a", "hello")
    assert stream.getvalue().startswith("\x1b[36ma        |\x1b[0m hello")
