"""What each route answers; server.py lists them. Errors are raised, and become answers there."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from signverse.export.explorer.media import TYPES
from signverse.export.explorer.session import Explorer
from signverse.lake.model.errors import BadInputError

if TYPE_CHECKING:
    import polars as pl
    from starlette.requests import Request
    from starlette.responses import Response

    from signverse.export.explorer.catalog import Catalog
    from signverse.lake.query.selection import Selection

PAGE: Final = 50
"""Clips of an answer that does not say how many."""

_MOST_ROWS: Final = 400
_MOST_LINES: Final = 500
_LONGEST: Final = 300
_FOREVER: Final = "private, max-age=86400, immutable"


def as_json(value: Any, status: int = 200) -> Response:
    from starlette.responses import Response

    # Numbers that JSON has no word for are null: a share of nothing.
    text = json.dumps(value, ensure_ascii=False, default=str, allow_nan=False)
    return Response(text, status, {"cache-control": "no-store"}, "application/json")


def _binary(data: bytes, *, keep: bool) -> Response:
    from starlette.responses import Response

    return Response(data, 200, {"cache-control": _FOREVER if keep else "no-store"}, "application/octet-stream")


def _number(request: Request, name: str, default: int, most: int) -> int:
    text = request.query_params.get(name, "")
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 12):
        raise BadInputError(f"{name} is {text[:30]!r}", "It takes a whole number.")
    return min(int(text), most)


_OURS: Final = {"v", "start", "count", "id", "rows", "name", "query"}
"""What a question holds beside the options of a selection."""


def _selection(request: Request) -> Selection:
    from signverse.lake.query.selection import Selection

    given: dict[str, list[str]] = {}
    for name, value in request.query_params.multi_items():
        if name not in _OURS:
            given.setdefault(name, []).append(value)
    return Selection.from_options(given)


def _asked(explorer: Explorer, request: Request) -> tuple[Catalog, int]:
    """The catalog and the clip that `id` names."""
    catalog = explorer.at(request.query_params.get("v"))
    return catalog, catalog.row_of(request.query_params.get("id", ""))


def about(explorer: Explorer, request: Request) -> Any:
    from signverse.export.explorer.about import about

    return about(explorer.catalog, explorer)


def state(explorer: Explorer, request: Request) -> Any:
    return {"version": explorer.catalog.snapshot.version, "newest": explorer.newest_version()}


def rows(explorer: Explorer, request: Request) -> Any:
    from signverse.export.explorer.details import summary

    catalog = explorer.at(request.query_params.get("v"))
    chosen = catalog.choose(_selection(request))
    start = _number(request, "start", 0, 2**31)
    count = _number(request, "count", PAGE, _MOST_ROWS)
    place = None
    if segment_id := request.query_params.get("id"):
        place = chosen.place_of(catalog.row_of(segment_id))
    return {
        "version": catalog.snapshot.version,
        "clips": len(chosen.rows),
        "videos": chosen.videos,
        "frames": chosen.frames,
        "start": start,
        "place": place,
        "rows": summary(catalog, chosen.rows[start : start + count]),
    }


def facets(explorer: Explorer, request: Request) -> Any:
    from signverse.export.explorer.counting import facets

    return facets(explorer.at(request.query_params.get("v")), _selection(request))


def command(explorer: Explorer, request: Request) -> Any:
    from signverse.export.explorer.commands import as_command, as_sql

    selection = _selection(request)
    return {"command": as_command(explorer.lake, selection), "sql": as_sql(explorer.catalog.snapshot, selection)}


def clip(explorer: Explorer, request: Request) -> Any:
    from signverse.export.explorer.details import details

    catalog, row = _asked(explorer, request)
    found = details(catalog, row)
    return {**found, "media": found["video_id"] in explorer.videos}


def captions(explorer: Explorer, request: Request) -> Any:
    from signverse.export.explorer.details import captions

    return captions(*_asked(explorer, request))


def points(explorer: Explorer, request: Request) -> Response:
    from signverse.export.explorer.points import MOST_FRAMES, clip_points

    catalog, row = _asked(explorer, request)
    start, count = _number(request, "start", 0, 2**31), _number(request, "count", MOST_FRAMES, MOST_FRAMES)
    return _binary(clip_points(catalog, row, start, count), keep="v" in request.query_params)


def thumbs(explorer: Explorer, request: Request) -> Response:
    from signverse.export.explorer.points import MOST_CLIPS, middle_frames

    catalog = explorer.at(request.query_params.get("v"))
    words = request.query_params.get("rows", "").split(",", MOST_CLIPS + 1)
    if not all(word.isascii() and word.isdigit() and len(word) < 11 and int(word) < len(catalog) for word in words):
        raise BadInputError("rows is not a list of clips", "Numbers as /api/rows gives them, with commas.")
    return _binary(middle_frames(catalog, [int(word) for word in words]), keep="v" in request.query_params)


def media(explorer: Explorer, request: Request) -> Response:
    from starlette.responses import FileResponse

    catalog, row = _asked(explorer, request)
    path = explorer.videos.get(catalog.video_id(row))
    if path is None or not path.is_file():
        return as_json({"error": "there is no video of this clip"}, 404)
    return FileResponse(path, media_type=TYPES[path.suffix.lower()], headers={"cache-control": "private, no-cache"})


def picks(explorer: Explorer, request: Request) -> Any:
    from signverse.export.explorer.picks import read_picks

    return {"file": str(explorer.picks), "picked": read_picks(explorer.picks, explorer.catalog)}


def change_picks(explorer: Explorer, given: dict[str, Any]) -> Any:
    add, remove = given.get("add", []), given.get("remove", [])
    for ids in (add, remove):
        if not isinstance(ids, list) or not all(isinstance(one, str) for one in ids):
            raise BadInputError("add and remove are lists of clips")
    if not given.keys() <= {"add", "remove", "v"} or not (add or remove):
        raise BadInputError("nothing is picked", "Give add or remove.")
    version = given.get("v")
    catalog = explorer.at(None if version is None else str(version))
    return {"file": str(explorer.picks), "picked": explorer.change_picks(catalog, add, remove)}


def reload(explorer: Explorer, given: dict[str, Any]) -> Any:
    return {"version": explorer.reload()}


def reports(explorer: Explorer, request: Request) -> Any:
    """The named reports, as `signverse stats` lists them; with `name` the rows of one."""
    from signverse.lake.query.read_only import run_once
    from signverse.lake.query.reports import find_report, report_names

    name = request.query_params.get("name")
    if name is None:
        return [{"name": one, "summary": find_report(one).summary} for one in report_names()]
    report = find_report(name)
    rows = run_once(explorer.catalog.snapshot, report.sql)
    return {"answer": report.answer(rows), **_table(report.short(rows))}


def sql(explorer: Explorer, request: Request) -> Any:
    """The first rows of one statement that reads the lake, as `signverse sql` runs it; time and memory are bounded."""
    from signverse.lake.query.read_only import Bounds, run_once

    query = request.query_params.get("query", "")
    return _table(run_once(explorer.catalog.snapshot, query, bounds=Bounds(rows=_MOST_LINES)))


def _table(rows: pl.DataFrame) -> dict[str, Any]:
    """Rows for the page: cells as texts, cut where they are long; of many rows the first."""
    shown = rows.head(_MOST_LINES)
    lines = [[None if cell is None else _cell(cell) for cell in row] for row in shown.iter_rows()]
    return {"columns": rows.columns, "rows": lines, "more": rows.height > _MOST_LINES}


def _cell(value: Any) -> str:
    if isinstance(value, float):
        value = f"{value:.6g}"
    text = str(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} \u2026"
