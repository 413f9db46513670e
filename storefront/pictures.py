"""Draws the shop's pictures: flat SVG from a motif and a variant of its shelf's colours.

Rules: the same name always gives the same text; only plain shapes come out: no
fonts, no references, no script; the tile is opaque, so that a picture looks the
same on a light and on a dark page. What things look like is in
`storefront.motifs`; the page says what a picture shows.
"""

import re
import zlib
from dataclasses import dataclass
from functools import lru_cache

from db.shop.catalogue import fold
from storefront.motifs import SHELVES

VARIANTS = 8
CATEGORY_PREFIX = "category-"
FALLBACK_SHELF = "parcels"

# Main, dark, light.
_HUES = {
    "red": ("#d65b4a", "#ab4031", "#f29a87"),
    "orange": ("#e5883b", "#b96522", "#f8bd86"),
    "gold": ("#e3ad35", "#b5841d", "#f8d98a"),
    "green": ("#5b9d66", "#3e774c", "#9bcb9a"),
    "teal": ("#2e9490", "#1f6f6f", "#7ccac3"),
    "blue": ("#4a7dbf", "#335c96", "#94b9e6"),
    "violet": ("#8269b8", "#5f4a94", "#b9a8e0"),
    "pink": ("#d66c91", "#aa4b6f", "#f1acc3"),
}
_FIXED = {
    "w": "#fffaf2",
    "k": "#333846",
    "g": "#c6ccd4",
    "h": "#8b94a1",
    "t": "#cf9a63",
    "u": "#8a5a38",
    "n": "#69ad68",
    "o": "#3f7f4d",
    "y": "#f4c447",
    "f": "#ec7a3c",
    "r": "#d2503f",
    "v": "#5aa9d6",
}


@dataclass(frozen=True, slots=True)
class _Shelf:
    """The colours of a shelf's tiles, the order in which its variants take hues, and what its own picture shows."""

    tile: str
    glow: str
    hues: tuple[str, ...]
    shown: tuple[str, str] = ("", "")


_SHELVES = {
    "kitchen": _Shelf("#f6d9c6", "#fbeadd", ("teal", "red", "blue", "gold"), ("kettle", "mug")),
    "home": _Shelf("#f3e3bd", "#faf1da", ("violet", "teal", "blue", "gold"), ("lamp", "cushion")),
    "outdoors": _Shelf("#cfe3d6", "#e4f1e8", ("orange", "red", "blue", "teal"), ("tent", "backpack")),
    "books": _Shelf("#d3ddec", "#e7edf6", ("red", "blue", "green", "violet"), ("globe", "book")),
    "toys": _Shelf("#f7d3dc", "#fce7ec", ("blue", "red", "teal", "violet"), ("robot", "ball")),
    "garden": _Shelf("#dbe8c0", "#ecf4da", ("red", "orange", "violet", "blue"), ("plant", "wateringcan")),
    "workshop": _Shelf("#d6dde1", "#e9eef0", ("red", "orange", "blue", "teal"), ("toolbox", "drill")),
    "pantry": _Shelf("#eadcc8", "#f5ecdf", ("red", "teal", "orange", "green"), ("coffee", "honey")),
    FALLBACK_SHELF: _Shelf("#dedbea", "#eeecf5", ("orange", "teal", "violet", "pink", "blue", "green", "red", "gold")),
}
_SHELF_OF = {motif: shelf for shelf, motifs in SHELVES.items() for motif in motifs}

_OPEN = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 400">'
_SHADOW = '<ellipse cx="200" cy="322" rx="138" ry="15" fill="#333846" fill-opacity=".13"/>'


class UnknownPicture(LookupError):
    """There is no picture of this name."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"no picture is called {name!r}")


@lru_cache(maxsize=1)
def names() -> tuple[str, ...]:
    """The name of every picture: "mug-3" for motifs and variants, "category-kitchen" for shelves."""
    motifs = tuple(f"{motif}-{variant}" for motif in _SHELF_OF for variant in range(1, VARIANTS + 1))
    return motifs + tuple(CATEGORY_PREFIX + slug for slug in SHELVES if slug != FALLBACK_SHELF)


@lru_cache(maxsize=1)
def _known() -> frozenset[str]:
    return frozenset(names())


def draw(name: str) -> str:
    """The SVG text of a picture, with viewBox 0 0 400 400. UnknownPicture if it is none of `names`."""
    if name not in _known():
        raise UnknownPicture(name)
    if name.startswith(CATEGORY_PREFIX):
        return _category(name.removeprefix(CATEGORY_PREFIX))
    motif, _, variant = name.rpartition("-")
    shelf = _SHELF_OF[motif]
    number = int(variant)
    return _OPEN + _tile(shelf, number) + _SHADOW + _motif(motif, number) + "</svg>"


def picture_for(title: str) -> str:
    """The name of a picture for somebody's new item: the motif that its title names, or else some parcel."""
    folded = fold(title)
    chance = zlib.crc32(folded.encode())
    variant = chance % VARIANTS + 1
    # English puts the thing itself last: "map of a garden" is rarer than "garden map".
    for word in reversed(re.findall(r"\w+", folded)):
        for motif in (word, word.removesuffix("s"), word + "s"):
            if motif in _SHELF_OF:
                return f"{motif}-{variant}"
    parcels = tuple(SHELVES[FALLBACK_SHELF])
    return f"{parcels[chance // VARIANTS % len(parcels)]}-{variant}"


def category_picture(slug: str) -> str:
    """The name of the picture of a category; a parcel for one that has none."""
    name = CATEGORY_PREFIX + slug
    return name if name in _known() else f"{next(iter(SHELVES[FALLBACK_SHELF]))}-1"


def _category(slug: str) -> str:
    behind, before = _SHELVES[slug].shown
    return "".join(
        (
            _OPEN,
            _tile(slug, 1),
            _SHADOW,
            f'<g transform="translate(14 78) scale(.76)">{_motif(behind, 1)}</g>',
            f'<g transform="translate(168 138) scale(.57)">{_motif(before, 2)}</g>',
            "</svg>",
        )
    )


def _tile(shelf: str, variant: int) -> str:
    colours = _SHELVES[shelf]
    glow = (
        '<circle cx="200" cy="196" r="158"',
        '<path d="M0 250C90 150 300 130 400 210V400H0z"',
    )[(variant - 1) * 2 // VARIANTS]
    return f'<rect width="400" height="400" fill="{colours.tile}"/>{glow} fill="{colours.glow}"/>'


def _motif(motif: str, variant: int) -> str:
    shelf = _SHELF_OF[motif]
    hues = _SHELVES[shelf].hues
    main = _HUES[hues[(variant - 1) % len(hues)]]
    # Variants after the last hue pair the same mains with other accents.
    accent = _HUES[hues[(variant + (variant - 1) // len(hues)) % len(hues)]]
    colours = {**_FIXED, **dict(zip("mdl", main, strict=True)), **dict(zip("abc", accent, strict=True))}
    turn = ""
    shapes = []
    for line in _lines(SHELVES[shelf][motif]):
        first, rest = line.split(maxsplit=1)
        if first == "turn":
            turn = rest
        else:
            shapes.append(_shape(first, rest, colours))
    drawn = "".join(shapes)
    return f'<g transform="rotate({turn} 200 200)">{drawn}</g>' if turn else drawn


def _lines(drawing: str) -> list[str]:
    """A drawing's lines; an indented one goes on with the line before."""
    joined = re.sub(r"\n {10,}", "", drawing)
    return [line.strip() for line in joined.splitlines() if line.strip()]


def _shape(colour: str, rest: str, colours: dict[str, str]) -> str:
    key, _, opacity = colour.partition("/")
    paint = colours[key]
    shade = f' {{}}-opacity=".{int(opacity):02d}"' if opacity else "{}"
    kind, numbers = rest.split(maxsplit=1)
    if kind == "line":
        width, path = numbers.split(maxsplit=1)
        seen = shade.format("stroke") if opacity else ""
        return (
            f'<path d="{path}" fill="none" stroke="{paint}" stroke-width="{width}" stroke-linecap="round"'
            f' stroke-linejoin="round"{seen}/>'
        )
    seen = shade.format("fill") if opacity else ""
    attributes = _ATTRIBUTES[kind]
    values = numbers.split() if len(attributes) > 1 else [numbers]
    written = " ".join(f'{name}="{value}"' for name, value in zip(attributes, values, strict=True))
    return f'<{_ELEMENTS.get(kind, kind)} {written} fill="{paint}"{seen}/>'


_ATTRIBUTES = {
    "circle": ("cx", "cy", "r"),
    "ellipse": ("cx", "cy", "rx", "ry"),
    "rect": ("x", "y", "width", "height", "rx"),
    "path": ("d",),
    "poly": ("points",),
}
_ELEMENTS = {"poly": "polygon"}
