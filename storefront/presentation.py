"""How values are written in pages: money, times, the addresses of pictures and static files.

Pure but for reading those files.
"""

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache, partial
from pathlib import Path
from typing import Any
from unicodedata import bidirectional

from flask import Flask, request, url_for
from markupsafe import Markup

from storefront.photos.queries import PREFIX
from storefront.services import services

SHEETS = ("tokens", "base", "parts", "pages")
STATIC_SECONDS = 365 * 24 * 3600
# So many addresses within the shop are remembered, those that were asked for last.
MOST_ADDRESSES = 4096
FIRST_STRONG_ISOLATE, POP_ISOLATE = "\u2068", "\u2069"
# Classes of the Unicode bidirectional algorithm: letters and digits, and the marks that turn others round.
_RIGHT_TO_LEFT = ("R", "AL", "AN", "RLE", "RLO", "RLI")
_NO_MARKS = dict.fromkeys((*range(0x202A, 0x202F), *range(0x2066, 0x206A)))


def money(cents: int) -> str:
    """Cents as dollars: "$1,234.50"."""
    return f"${cents // 100:,}.{cents % 100:02}"


def iso(seconds: float) -> str:
    """Seconds since the epoch as an ISO 8601 time in UTC, for machines."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def moment(seconds: float) -> str:
    """Seconds since the epoch for people without JavaScript, who get it in UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%d %b %Y, %H:%M:%S UTC")


def clock_words(seconds: float, now: float) -> str:
    """The same without the day, if it is today's: nearly as wide as what a script makes of it, so nothing moves."""
    time, today = (datetime.fromtimestamp(one, UTC) for one in (seconds, now))
    return f"{time:%H:%M:%S} UTC" if time.date() == today.date() else moment(seconds)


def ago(seconds: float, bare: bool = False) -> str:
    """How long that is: "0.04 s", "0.4 s", "12 s", "3 min", "5 h", "2 d"; followed by "ago" unless `bare`."""
    seconds = max(0.0, seconds)
    if seconds < 10:
        length = f"{seconds:.{2 if seconds < 0.1 else 1}f} s"
    else:
        units = ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))
        of, unit = next((of, unit) for of, unit in units if seconds >= 2 * of or of == 1)
        length = f"{seconds / of:.0f} {unit}"
    return length if bare else f"{length} ago"


def day(seconds: float) -> str:
    """The day of a time, by UTC: "3 Nov"."""
    return f"{datetime.fromtimestamp(seconds, UTC):%-d %b}"


def bdi(text: str) -> Markup:
    """What somebody wrote, set apart: beside right-to-left letters, numbers and our own words would change places."""
    return Markup("<bdi>{}</bdi>").format(text)


def isolated(text: str) -> str:
    """The same for plain text, by Unicode's own marks; only where there are right-to-left letters.

    Some mail programs show the marks. Those that somebody wrote are left out: they would end ours, or begin more.
    """
    if not any(bidirectional(letter) in _RIGHT_TO_LEFT for letter in text):
        return text
    return f"{FIRST_STRONG_ISOLATE}{text.translate(_NO_MARKS)}{POP_ISOLATE}"


def told(words: str, **written: str | int) -> str:
    """A message with what somebody wrote in it, set apart: "{title} is on sale again."."""
    return words.format_map({name: isolated(one) if isinstance(one, str) else one for name, one in written.items()})


def sentence(words: str) -> str:
    """The same with a capital letter in front."""
    return words[:1].upper() + words[1:]


def static_urls(folder: Path, path: str) -> Callable[[str], str]:
    """A function from a file's name to its address below `path`.

    It changes with the file's content, so that browsers may keep it for a year.
    """
    marks = {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()[:12]
        for file in folder.rglob("*")
        if file.is_file()
    }

    def static_url(name: str) -> str:
        # By hand: a page names some thirty of them, and a router takes its time.
        return f"{request.script_root}{path}/{name}?v={marks[name]}"

    return static_url


def remembered_urls() -> Callable[..., str]:
    """Flask's `url_for` for pages, which ask it for the same addresses again and again: a list has dozens of them."""

    @lru_cache(MOST_ADDRESSES)
    def made(_root: str, endpoint: str, values: tuple[tuple[str, Any], ...]) -> str:
        return url_for(endpoint, **dict(values))

    def remembered(endpoint: str, **values: Any) -> str:
        return made(request.script_root, endpoint, tuple(values.items()))

    return remembered


def picture_url(link: Callable[..., str], name: str, size: str = "small") -> str:
    """The address of a product's picture: a photo, large or small, or a drawing, which fits any size."""
    if name.startswith(PREFIX):
        return link("photos.show", size=size, photo=name)
    return link("catalogue.picture", name=name)


def add_to(app: Flask) -> None:
    """Makes these known to the templates of `app`."""
    assert app.static_folder is not None
    assert app.static_url_path is not None
    app.jinja_env.filters.update(money=money, iso=iso, moment=moment, day=day, ago=ago, bdi=bdi, sentence=sentence)
    app.jinja_env.filters["clock_words"] = lambda seconds: clock_words(seconds, services().clock.now())
    app.jinja_env.globals["sheets"] = SHEETS
    app.jinja_env.globals["static_url"] = static_urls(Path(app.static_folder), app.static_url_path)
    link = remembered_urls()
    app.jinja_env.globals["url_for"] = link
    app.jinja_env.globals["picture_url"] = partial(picture_url, link)
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    app.config["SEND_FILE_MAX_AGE_DEFAULT"] = STATIC_SECONDS
