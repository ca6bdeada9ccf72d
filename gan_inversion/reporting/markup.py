"""Markdown of what records say: as HTML, as code, and in a cell of a table."""

import re
from html import escape

CODE = re.compile(r"`([^`]+)`")  # in Markdown
LINK = re.compile(r"\[([^]`]+)\]\((https?://[^)\s]+|[^):\s]+)\)")  # to a page, never to a script


def marked(text: str) -> str:
    """Markdown with code and links as HTML."""
    pieces = CODE.split(escape(text))  # every second one is code, within which nothing is a link
    return "".join(
        f"<code>{piece}</code>" if at % 2 else LINK.sub(r"<a href='\2'>\1</a>", piece)
        for at, piece in enumerate(pieces)
    )


def code(text: object) -> str:
    """A record's own word within a sentence of Markdown: as code, nothing in it is markup."""
    return f"`{' '.join(str(text).replace('`', '').split())}`"


def in_cell(text: str) -> str:
    """A text as a cell of a Markdown table: what would end the cell or begin a tag is escaped."""
    text = " ".join(text.split()).replace("\\", "\\\\")
    return text.replace("|", r"\|").replace("<", "&lt;").replace(">", "&gt;")
