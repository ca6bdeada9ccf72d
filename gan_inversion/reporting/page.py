"""HTML pages that contain all that they show, and need no internet connection."""

import re
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from io import BytesIO

import numpy as np
from PIL import Image

from gan_inversion.core.storage import MADE_BY
from gan_inversion.reporting.markup import marked

STYLE = """
:root { color-scheme: light; }
body { font: 16px/1.5 system-ui, sans-serif; color: #1b1b1b; background: #fff;
       max-width: 80rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.7rem; line-height: 1.2; } h2 { margin-top: 2.5rem; font-size: 1.3rem; }
p, li, figcaption { overflow-wrap: anywhere; }
figure { margin: 1.2rem 0; } figcaption { font-weight: 600; margin-bottom: .4rem; }
svg, img { max-width: 100%; height: auto; }
.wide { overflow-x: auto; } .chart svg { min-width: 34rem; }
table { border-collapse: collapse; font-size: .85rem; }
th, td { padding: .25rem .6rem; border-bottom: 1px solid #ddd; text-align: right; }
th { vertical-align: bottom; } td { white-space: nowrap; }
th:first-child, td:first-child { text-align: left; position: sticky; left: 0; background: #fff;
         white-space: normal; overflow-wrap: break-word; min-width: 7rem; max-width: 10rem; }
.note, .source { color: #555; font-size: .8rem; overflow-wrap: anywhere; }
table.faces td, table.faces th { text-align: center; white-space: normal; vertical-align: top;
         padding: .3rem; border: 0; font-size: .8rem; }
table.faces th { text-align: left; min-width: 8rem; } table.faces img { width: 120px; }
summary { cursor: pointer; margin: .8rem 0; } summary h2 { display: inline; }
.hint { display: none; color: #555; font-size: .8rem; } .many { display: block; }
@media (max-width: 50rem) {
  .hint { display: block; } table { font-size: .75rem; } th, td { padding: .25rem .3rem; }
  th:first-child, td:first-child { min-width: 5.5rem; max-width: 6.5rem; font-size: .75rem; }
  table.faces th { min-width: 5rem; }
}
nav a { margin-right: 1rem; } ol.findings li { margin-bottom: .6rem; }
"""


@dataclass(frozen=True)
class Section:
    """A heading and the elements below it.

    Attributes:
        title: the heading.
        parts: HTML elements.
        folded: whether they show only when the heading is clicked.
    """

    title: str
    parts: Sequence[str]
    folded: bool = False


def page(title: str, sections: Sequence[Section]) -> str:
    """A whole HTML page, with links to its sections at the top."""
    body = [f"<h1>{escape(title)}</h1>"]
    links = [f"<a href='#{anchor(s.title)}'>{escape(s.title)}</a>" for s in sections]
    body.append(f"<nav>{''.join(links)}</nav>")
    for section in sections:
        place = anchor(section.title)
        heading = f"<h2>{escape(section.title)}</h2>"
        inside = "\n".join(section.parts)
        if section.folded:  # a link to what is inside opens it
            heading, inside = f"<summary>{heading}</summary>", f"<div id='{place}'>{inside}</div>"
            body.append(f"<details>{heading}{inside}</details>")
        else:
            body.append(f"<section id='{place}'>{heading}{inside}</section>")
    return (
        "<!doctype html>\n<html lang='en'><head><meta charset='utf-8'>"
        f"<meta name='generator' content='{MADE_BY}'>"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>\n<body>\n"
        + "\n".join(body)
        + "\n</body></html>\n"
    )


def anchor(heading: str) -> str:
    """What GitHub and MyST call the place of a heading in a page."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def text(sentences: str) -> str:
    """A paragraph of Markdown with code and links."""
    return f"<p>{marked(sentences)}</p>"


def point(heading: str, sentences: str) -> str:
    """A paragraph that begins with its heading."""
    return f"<p><strong>{escape(heading)}.</strong> {escape(sentences)}</p>"


def findings(sentences: Sequence[str]) -> str:
    """A numbered list; text in backquotes is set as code."""
    lines = [f"<li>{marked(line)}</li>" for line in sentences]
    return f"<ol class='findings'>{''.join(lines)}</ol>"


def drawing(caption: str, picture: str, sources: Sequence[str]) -> str:
    """A chart or a strip of faces, with the records that it was drawn from.

    Args:
        caption: one line.
        picture: an `svg` or `img` element.
        sources: names of records.
    """
    if picture.startswith("<svg"):  # words in it would be too small to read on a phone
        hint = "<div class='hint'>Scroll the chart sideways: it goes on to the right.</div>"
        picture = f"{hint}<div class='wide chart'>{picture}</div>"
    return (
        f"<figure><figcaption>{escape(caption)}</figcaption>{picture}"
        f"<p class='source'>From {escape(', '.join(sources))}.</p></figure>"
    )


FaceRow = tuple[str, np.ndarray, Sequence[str]]  # name, uint8 (N, H, W, 3), a text for each


def faces_table(rows: Sequence[FaceRow]) -> str:
    """Rows of faces, each face with a text below it."""
    lines = []
    for name, pictures, texts in rows:
        cells = [
            f"<td>{picture(pixels, f'{name}: {words}')}<br>{escape(words)}</td>"
            for pixels, words in zip(np.asarray(pictures), texts, strict=True)
        ]
        lines.append(f"<tr><th>{escape(name)}</th>{''.join(cells)}</tr>")
    return f"<div class='wide'><table class='faces'>{''.join(lines)}</table></div>"


def picture(pixels: np.ndarray, description: str) -> str:
    """An image, uint8 (H, W, 3), as an element of the page."""
    data = BytesIO()
    Image.fromarray(pixels).save(data, "WEBP", quality=90)  # a tenth of a PNG's size
    packed = b64encode(data.getvalue()).decode("ascii")
    return f"<img alt='{escape(description, quote=True)}' src='data:image/webp;base64,{packed}'>"
