"""What a request says, checked, and the forms of an answer."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, Final

from signverse.lake.model.errors import BadInputError
from signverse.lake.model.untrusted.terminal_text import clean

if TYPE_CHECKING:
    import polars as pl
    from starlette.requests import Request
    from starlette.responses import Response

    from signverse.export.explorer.clips.catalog import Catalog
    from signverse.export.explorer.session import Explorer
    from signverse.lake.query.selection import Selection

_LONGEST: Final = 500
"""Characters of a refusal: what it quotes may be as long as an address."""

_FOREVER: Final = "private, max-age=86400, immutable"


def as_json(value: Any, status: int = 200) -> Response:
    """An answer in JSON, whatever a lake of a stranger holds."""
    from starlette.responses import Response

    try:
        text = json.dumps(value, ensure_ascii=False, default=str, allow_nan=False)
    except ValueError:
        # Looked for only now: an answer may have many thousands of numbers.
        text = json.dumps(_finite(value), ensure_ascii=False, default=str, allow_nan=False)
    # A name of a file that is not UTF-8 has surrogates in it.
    return Response(text.encode("utf-8", "replace"), status, {"cache-control": "no-store"}, "application/json")


def _finite(value: Any) -> Any:
    """The same with null for each number that JSON has no word for: not a number, or infinite."""
    if isinstance(value, dict):
        return {name: _finite(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def refused(message: str, status: int, *, hint: str = "", changed: bool = False) -> Response:
    """Why there is no answer: a line that can be read, whatever was asked and whatever a file said.

    Args:
        changed: the page is of another version of the lake.
    """
    return as_json({"error": _line(message), "hint": _line(hint), "changed": changed}, status)


def _line(text: str) -> str:
    line = clean(" ".join(text.split()))
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 100]} \u2026 {line[-98:]}"


def as_binary(data: bytes, *, keep: bool) -> Response:
    from starlette.responses import Response

    return Response(data, 200, {"cache-control": _FOREVER if keep else "no-store"}, "application/octet-stream")


def as_csv(rows: pl.DataFrame, name: str) -> Response:
    """A table as a file to save."""
    from starlette.responses import Response

    headers = {"cache-control": "no-store", "content-disposition": f'attachment; filename="{name}.csv"'}
    return Response(rows.write_csv(), 200, headers, "text/csv; charset=utf-8")


def number(request: Request, name: str, default: int, most: int) -> int:
    text = request.query_params.get(name, "")
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 12):
        raise BadInputError(f"{name} is {text[:30]!r}", "It takes a whole number.")
    return min(int(text), most)


_OURS: Final = {"v", "start", "count", "id", "rows", "name", "query", "measure"}
"""What a question holds beside the options of a selection."""


def selection(request: Request) -> Selection:
    from signverse.lake.query.selection import Selection

    given: dict[str, list[str]] = {}
    for name, value in request.query_params.multi_items():
        if name not in _OURS:
            given.setdefault(name, []).append(value)
    return Selection.from_options(given)


def asked(explorer: Explorer, request: Request) -> tuple[Catalog, int]:
    """The catalog and the clip that `id` names."""
    version, segment_id = request.query_params.get("v"), request.query_params.get("id", "")
    catalog = explorer.first(version)
    if not catalog.is_whole and catalog.rows_of_video(segment_id.rpartition("-")[0]) == (0, 0):
        catalog = explorer.at(version)
    return catalog, catalog.row_of(segment_id)
