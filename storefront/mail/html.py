"""A letter for mail programs that show HTML: paragraphs, line breaks, links and what is set apart, made from its
plain text. Pure.
"""

import re

from markupsafe import Markup, escape

_LINK = re.compile(r"https?://[^\s<>\"]+")
_ISOLATED = re.compile("\u2068([^\u2068\u2069]*)\u2069")


def as_html(text: str) -> str:
    """Plain text as a small page; what looks like HTML in it is shown, not obeyed."""
    paragraphs = [part for part in text.strip().split("\n\n") if part.strip()]
    body = "\n".join(f"<p>{_inline(part)}</p>" for part in paragraphs)
    return f'<!doctype html>\n<html lang="en">\n<body>\n{body}\n</body>\n</html>\n'


def _inline(text: str) -> str:
    pieces, at = [], 0
    for found in _LINK.finditer(text):
        link = escape(found[0])
        pieces += [escape(text[at : found.start()]), Markup('<a href="{0}">{0}</a>').format(link)]
        at = found.end()
    pieces.append(escape(text[at:]))
    return _ISOLATED.sub(r"<bdi>\1</bdi>", "".join(pieces)).replace("\n", "<br>\n")
