"""The files that the page of a folder on a web server links to.

Apache, nginx, Python's http.server and others write HTML, each their own; nginx and Caddy can write JSON. Common to all
are links, relative to the page, and a slash at the end of folders.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from html import unescape
from itertools import islice
from typing import Any, Final
from urllib.parse import quote, unquote, urljoin, urlsplit, urlunsplit

from signverse.ingest.remote.sources.http_client import origin
from signverse.ingest.remote.sources.protocols import is_plain

_MAX_LINKS: Final = 200_000
_MAX_LINK: Final = 8192

_LINK: Final = re.compile(r"""a\s(?:[^>]*?\s)?href\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>"']+))""", re.I)
"""A link behind its <, with its address in one of the groups."""


@dataclass
class Links:
    """What a page links to inside of its folder.

    Attributes:
        files: their names, decoded, and addresses.
        folders: the same of folders.
        odd: names that cannot be a file's inside of the folder, or cannot be shown.
    """

    files: dict[str, str] = field(default_factory=dict)
    folders: dict[str, str] = field(default_factory=dict)
    odd: list[str] = field(default_factory=list)


def links_of(page: bytes, url: str, kind: str) -> Links:
    """The links of the page of a folder. What leads out of the folder is left out.

    Args:
        url: the page's address; the folder is all up to its last slash.
        kind: the page's Content-Type.
    """
    found = Links()
    base = urlunsplit(urlsplit(url)._replace(query="", fragment=""))
    folder = unquote(urlsplit(base).path, errors="surrogateescape")
    folder = folder[: folder.rindex("/") + 1]
    for link in _of_json(page) if "json" in kind else _of_html(page):
        try:
            # Without the query: lists are sorted by links to the page itself.
            target = urlsplit(urljoin(base, link.strip()))._replace(query="", fragment="")
            path = unquote(target.path, errors="surrogateescape")
            # The same folder may be written with codes, and without.
            inside = origin(urlunsplit(target)) == origin(base) and path.startswith(folder)
        except ValueError:
            continue
        if inside and path != folder:
            _add(found, path.removeprefix(folder), urlunsplit(target))
    return found


def _add(found: Links, name: str, url: str) -> None:
    if not is_plain(name.removesuffix("/")):
        found.odd.append(name)
    elif name.endswith("/"):
        found.folders.setdefault(name.removesuffix("/"), url)
    else:
        found.files.setdefault(name, url)


def _of_html(page: bytes) -> list[str]:
    # A piece up to the next tag at a time: a parser of HTML can take minutes over pages that are made for it.
    pieces = page.decode("utf-8", errors="replace").split("<")
    found = (_LINK.match(piece) for piece in pieces if len(piece) < _MAX_LINK)
    return [unescape(link[1] or link[2] or link[3] or "") for link in islice(filter(None, found), _MAX_LINKS)]


def _of_json(page: bytes) -> list[str]:
    """Links to the entries of a listing in JSON: objects with a name, and a type (nginx) or is_dir (Caddy)."""
    try:
        rows: Any = json.loads(page)
    except (ValueError, RecursionError):
        return []
    rows = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    names = [(str(row.get("name") or ""), bool(row.get("type") == "directory" or row.get("is_dir"))) for row in rows]
    return [f"./{quote(name.removesuffix('/'))}{'/' if folder else ''}" for name, folder in names if name]
