"""What each route answers; server.py lists them. Errors are raised, and become answers there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from signverse.export.explorer.media import TYPES
from signverse.export.explorer.questions import as_binary, as_csv, asked, number, refused, selection
from signverse.export.explorer.session import Explorer
from signverse.lake.model.errors import BadInputError

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from signverse.lake.query.bounded.shown import Shown


PAGE: Final = 50
"""Clips of an answer that does not say how many."""

_MOST_ROWS: Final = 400
_MOST_LINES: Final = 500


def about(explorer: Explorer, request: Request) -> Any:
    from signverse.export.explorer.about import about

    return about(explorer.first(), explorer)


def state(explorer: Explorer, request: Request) -> Any:
    version = explorer.first().snapshot.version
    return {"version": version, "newest": explorer.newest_version(), "reading": explorer.progress}


def rows(explorer: Explorer, request: Request) -> Any:
    from signverse.export.explorer.clips.details import summary

    version, options = request.query_params.get("v"), selection(request)
    start = number(request, "start", 0, 2**31)
    count = number(request, "count", PAGE, _MOST_ROWS)
    segment_id = request.query_params.get("id")
    catalog = explorer.first(version)
    # While the lake is read, its first clips are known to be the first; what conditions leave is not.
    if not catalog.is_whole and (options.to_dict() or segment_id or start + count > len(catalog)):
        catalog = explorer.at(version)
    chosen = catalog.choose(options)
    return {
        "version": catalog.snapshot.version,
        "reading": None if catalog.is_whole else explorer.progress or {"read": 0, "of": 0},
        "clips": len(chosen.rows) if catalog.is_whole else None,
        "videos": chosen.videos if catalog.is_whole else None,
        "frames": chosen.frames if catalog.is_whole else None,
        "start": start,
        "place": chosen.place_of(catalog.row_of(segment_id)) if segment_id else None,
        "rows": summary(catalog, chosen.rows[start : start + count]),
    }


def facets(explorer: Explorer, request: Request) -> Any:
    from signverse.export.explorer.clips.counting import facets

    return facets(explorer.at(request.query_params.get("v")), selection(request))


def languages(explorer: Explorer, request: Request) -> Any:
    from signverse.export.explorer.figures.languages import by_language

    return by_language(explorer.at(request.query_params.get("v")), selection(request))


def languages_file(explorer: Explorer, request: Request) -> Response:
    from signverse.export.explorer.figures.languages import as_rows

    return as_csv(as_rows(languages(explorer, request)), "languages")


def quality(explorer: Explorer, request: Request) -> Any:
    from signverse.export.explorer.figures.quality import quality

    measure = request.query_params.get("measure", "")
    return quality(explorer.at(request.query_params.get("v")), selection(request), measure)


def quality_file(explorer: Explorer, request: Request) -> Response:
    from signverse.export.explorer.figures.quality import as_rows

    found = quality(explorer, request)
    return as_csv(as_rows(found), found["measure"])


def status(explorer: Explorer, request: Request) -> Any:
    return explorer.status.read()


def command(explorer: Explorer, request: Request) -> Any:
    from signverse.export.explorer.clips.commands import as_command, as_sql

    chosen = selection(request)
    return {"command": as_command(explorer.lake, chosen), "sql": as_sql(explorer.first().snapshot, chosen)}


def clip(explorer: Explorer, request: Request) -> Any:
    from signverse.export.explorer.clips.details import details

    catalog, row = asked(explorer, request)
    found = details(catalog, row)
    return {**found, "media": found["video_id"] in explorer.videos}


def captions(explorer: Explorer, request: Request) -> Any:
    from signverse.export.explorer.clips.details import captions

    return captions(*asked(explorer, request))


def points(explorer: Explorer, request: Request) -> Response:
    from signverse.export.explorer.clips.points import MOST_FRAMES, clip_points

    catalog, row = asked(explorer, request)
    start, count = number(request, "start", 0, 2**31), number(request, "count", MOST_FRAMES, MOST_FRAMES)
    return as_binary(clip_points(catalog, row, start, count), keep="v" in request.query_params)


def thumbs(explorer: Explorer, request: Request) -> Response:
    from signverse.export.explorer.clips.points import MOST_CLIPS, middle_frames

    version = request.query_params.get("v")
    words = request.query_params.get("rows", "").split(",", MOST_CLIPS + 1)
    numbers = [int(word) if word.isascii() and word.isdigit() and len(word) < 11 else -1 for word in words]
    catalog = explorer.first(version)
    if not catalog.is_whole and max(numbers) >= len(catalog):
        catalog = explorer.at(version)
    if not all(0 <= number < len(catalog) for number in numbers):
        raise BadInputError("rows is not a list of clips", "Numbers as /api/rows gives them, with commas.")
    return as_binary(middle_frames(catalog, numbers), keep="v" in request.query_params)


def media(explorer: Explorer, request: Request) -> Response:
    from starlette.responses import FileResponse

    catalog, row = asked(explorer, request)
    path = explorer.videos.get(catalog.video_id(row))
    if path is None or not path.is_file():
        return refused("there is no video of this clip", 404)
    return FileResponse(path, media_type=TYPES[path.suffix.lower()], headers={"cache-control": "private, no-cache"})


def picks(explorer: Explorer, request: Request) -> Any:
    from signverse.export.explorer.clips.picks import read_picks

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
    from signverse.lake.query.bounded.first_rows import Bounds
    from signverse.lake.query.reports import find_report, report_names

    name = request.query_params.get("name")
    if name is None:
        # Who sees the list asks for one of them next.
        explorer.statements.start_soon()
        return [{"name": one, "summary": find_report(one).summary} for one in report_names()]
    found = explorer.statements.report(explorer.first().snapshot, find_report(name).name, Bounds(rows=_MOST_LINES))
    return _as_answer(found)


def sql(explorer: Explorer, request: Request) -> Any:
    """The first rows of one statement that reads the lake, as `signverse sql` runs it; time and memory are bounded."""
    from signverse.lake.query.bounded.first_rows import Bounds

    query = request.query_params.get("query", "")
    return _as_answer(explorer.statements.table(explorer.first().snapshot, query, Bounds(rows=_MOST_LINES)))


def _as_answer(found: Shown) -> dict[str, Any]:
    return {**vars(found), "more": found.left_out > 0}
