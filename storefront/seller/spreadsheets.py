"""Reads and writes the tables that sellers keep in spreadsheets: CSV in UTF-8. Pure.

Rules: a problem names the line of the file, the column and the reason; a cell that a spreadsheet would take for a
formula is written with an apostrophe before it, and read without; both commas and semicolons are read, commas are
written.
"""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

MOST_BYTES = 1024 * 1024
MOST_LINES = 2000

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a line; `column` is empty where it is the line as a whole."""

    line: int
    column: str
    reason: str


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a table: where it begins in the file, and its cells by column, without spaces around them."""

    number: int
    cells: Mapping[str, str]


class NotATable(ValueError):
    """The file as a whole cannot be read; the message says where and why."""


def decode(content: bytes) -> str:
    """The text of a file, with or without a byte order mark. NotATable: it is too large, or not UTF-8."""
    if len(content) > MOST_BYTES:
        raise NotATable(f"This file is larger than {MOST_BYTES // 2**20} MB. Send it in parts.")
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise NotATable("This file is in UTF-16. Save it as “CSV UTF-8”.")
    content = content.removeprefix(_BYTE_ORDER_MARK)
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise NotATable(f"Line {line} is not in UTF-8. Save the file as “CSV UTF-8”.") from error
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise NotATable(f"Line {line} has a character that no text has. Is this a CSV file?")
    return text


def read_table(text: str, known: Sequence[str], ignored: Sequence[str]) -> list[Line]:
    """The lines of a table whose first line names columns, in any order, of those that are `known` or `ignored`.

    NotATable: there is no such first line, or quotes are left open, or there are more than MOST_LINES lines.
    """
    first = text.partition("\n")[0]
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=";" if ";" in first and "," not in first else ",", strict=True
    )
    lines: list[Line] = []
    begins = 1
    columns: list[str] | None = None
    try:
        for row in reader:
            number, begins = begins, reader.line_num + 1
            cells = [_read(cell) for cell in row]
            if not any(cells):
                continue
            if columns is None:
                columns = _columns(cells, known, ignored)
                continue
            if len(lines) == MOST_LINES:
                raise NotATable(f"There are more than {MOST_LINES:,} lines. Send them in parts.")
            if len(cells) > len(columns) and any(cells[len(columns) :]):
                raise NotATable(f"Line {number} has {len(cells)} cells, and the first line names {len(columns)}.")
            named = dict(zip(columns, cells, strict=False))
            lines.append(Line(number, {name: cell for name, cell in named.items() if name in known}))
    except csv.Error as error:
        raise NotATable(f"Line {begins} cannot be read: {error}.") from error
    if columns is None:
        raise NotATable("This file is empty.")
    return lines


def write_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, heading: bool = True) -> str:
    """Lines of CSV, with the names of the columns first."""
    out = io.StringIO()
    writer = csv.writer(out)
    if heading:
        writer.writerow(columns)
    writer.writerows([_guarded(cell) for cell in row] for row in rows)
    return out.getvalue()


def _columns(cells: Sequence[str], known: Sequence[str], ignored: Sequence[str]) -> list[str]:
    columns = ["_".join(cell.lower().split()) for cell in cells]
    for name in columns:
        if name and name not in known and name not in ignored:
            raise NotATable(f"Line 1 names a column “{name[:40]}”. There are: {', '.join(known)}.")
        if name and columns.count(name) > 1:
            raise NotATable(f"Line 1 names the column “{name}” twice.")
    return columns


def _read(cell: str) -> str:
    cell = cell.strip()
    return cell[1:] if cell[:1] == "'" and cell[1:2] in _FORMULA else cell


def _guarded(cell: object) -> str:
    text = str(cell)
    return f"'{text}" if text.startswith(_FORMULA) else text
