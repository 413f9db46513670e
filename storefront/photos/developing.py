"""Makes the shop's photos of whatever somebody sends.

Rules: what it is, the bytes say, never its name or what a browser calls it; how large it is, is looked at before it is
decoded, so that a small file cannot fill the memory; what is kept is drawn anew by us, so nothing of the file goes
further: no place where it was taken, no camera, no hidden page; one is decoded at a time.

Pillow does it: the best kept decoder of hostile pictures that Python has.
"""

import hashlib
import struct
import threading
import zlib
from dataclasses import dataclass
from io import BytesIO
from typing import IO

from PIL import Image, ImageOps

MOST_BYTES = 10 * 1024 * 1024
MOST_PIXELS = 36_000_000
LEAST_SIDE = 64
LARGE, SMALL = 960, 320
FORMATS = ("JPEG", "PNG", "WEBP")

_QUALITY = 80
# Seen through a transparent picture, in light and dark alike.
_GROUND = "#ffffff"
# What Pillow raises for files that break off, contradict themselves or lie about their size.
_BROKEN = (OSError, SyntaxError, ValueError, EOFError, LookupError, TypeError, OverflowError, struct.error, zlib.error)
_MANY = f"at most {MOST_PIXELS // 1_000_000} million"
_one_at_a_time = threading.Lock()


class NotAPhoto(ValueError):
    """Nothing that we can show; the message says what to send instead."""


@dataclass(frozen=True, slots=True)
class Photo:
    """A picture in two sizes, as WebP: no side is longer than LARGE and SMALL pixels."""

    large: bytes
    small: bytes

    @property
    def mark(self) -> str:
        """16 hexadecimal digits that change with the picture."""
        return hashlib.sha256(self.large).hexdigest()[:16]


def develop(file: IO[bytes]) -> Photo:
    """The photo in a file of at most MOST_BYTES. NotAPhoto: there is none that we can show."""
    with _one_at_a_time:
        try:
            with Image.open(file, formats=FORMATS) as image:
                _check_size(image)
                sheet = _sheet(image)
        except NotAPhoto:
            raise
        except Image.DecompressionBombError as error:
            raise NotAPhoto(f"This picture has far too many pixels; {_MANY} are fine.") from error
        except _BROKEN as error:
            raise NotAPhoto("This is no picture that we can read. Send a JPEG, PNG or WebP file.") from error
        return Photo(_printed(sheet, LARGE), _printed(sheet, SMALL))


def _check_size(image: Image.Image) -> None:
    width, height = image.size
    if width * height > MOST_PIXELS:
        raise NotAPhoto(f"This picture has {width:,} by {height:,} pixels; {_MANY} are fine.")
    if min(width, height) < LEAST_SIDE:
        raise NotAPhoto(
            f"This picture has only {width} by {height} pixels; it needs {LEAST_SIDE} by {LEAST_SIDE} at the least."
        )


def _sheet(image: Image.Image) -> Image.Image:
    """The picture the right way up, opaque, no larger than it is ever shown, with nothing but its pixels."""
    if image.mode.startswith("I"):
        # Sixteen bits of grey, which nothing else here can scale.
        image = image.convert("I").point(lambda grey: grey / 256).convert("L")
    elif image.mode not in ("RGB", "L", "CMYK"):
        image = image.convert("RGBA")
    # Decodes a JPEG at a part of its size, where that is enough.
    image.thumbnail((LARGE, LARGE), reducing_gap=3.0)
    image = ImageOps.exif_transpose(image)
    sheet = Image.new("RGB", image.size, _GROUND)
    sheet.paste(image.convert("RGB"), mask=image.getchannel("A") if image.mode == "RGBA" else None)
    return sheet


def _printed(sheet: Image.Image, side: int) -> bytes:
    copy = sheet.copy()
    copy.thumbnail((side, side))
    out = BytesIO()
    copy.save(out, "WEBP", quality=_QUALITY)
    return out.getvalue()
