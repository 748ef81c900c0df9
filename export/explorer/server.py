"""The routes of `signverse explore`.

GET                 answers
/                   the page, whose address holds the options of a selection: /?language=ase&text=water
/api/about          the lake, names of languages and filters, how a skeleton is drawn
/api/state          the lake's version, whether there is a newer one, and how far the lake is read
/api/rows           clips of a selection from `start` on, their number and length; the first ones while the lake is read
/api/facets         the values of each filter with the number of clips that they leave
/api/languages      clips, hours, videos and channels by language, of the lake and of a selection; balance
/api/quality        how a measure is spread in each language: `measure`; both also as /api/NAME.csv
/api/status         the status of a corpus that is being built, of the newest version
/api/command        the `signverse select` line and the SQL of a selection
/api/clip           one clip: `id`; /api/captions its cues; /api/points its keypoints; /api/thumbs middle frames
/api/media          the video of a clip, by ranges
/api/reports        the named reports, or the rows of one; /api/sql those of a statement
/api/picks          the picked clips; a POST adds and removes
POST /api/reload    opens the newest version of the lake

`v` is the lake's version that a page was made of: where the server has gone on, it answers 409.
"""

from __future__ import annotations

import asyncio
import html
import json
import threading
from collections.abc import Callable
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from signverse.export.explorer import answers
from signverse.export.explorer.guard import MOST_BYTES, Guard, Guarded
from signverse.export.explorer.questions import as_json, refused
from signverse.export.explorer.session import ChangedLakeError, Explorer
from signverse.lake.model.errors import BadInputError, DamagedLakeError, SignverseError
from signverse.lake.query.bounded.statements import WAITED_FOR

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp

_THREADS: Final = 12
"""Questions of one kind that are answered at once."""

_FILES: Final = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}


def make_app(explorer: Explorer, guard: Guard) -> ASGIApp:
    """The application, behind its guard."""
    from starlette.applications import Starlette
    from starlette.routing import Route

    routes: list[tuple[str, Callable[[Explorer, Request], Any]]] = [
        ("about", answers.about),
        ("state", answers.state),
        ("rows", answers.rows),
        ("facets", answers.facets),
        ("languages", answers.languages),
        ("languages.csv", answers.languages_file),
        ("quality", answers.quality),
        ("quality.csv", answers.quality_file),
        ("status", answers.status),
        ("command", answers.command),
        ("clip", answers.clip),
        ("captions", answers.captions),
        ("points", answers.points),
        ("thumbs", answers.thumbs),
        ("media", answers.media),
        ("picks", answers.picks),
        ("reports", answers.reports),
        ("sql", answers.sql),
    ]
    posts: list[tuple[str, Callable[[Explorer, Any], Any]]] = [
        ("picks", answers.change_picks),
        ("reload", answers.reload),
    ]
    return Guarded(
        Starlette(
            routes=[
                Route("/", partial(_page, guard), methods=["GET"]),
                Route("/favicon.ico", partial(_static, "icon.svg"), methods=["GET"]),
                Route("/static/{name}", _static_named, methods=["GET"]),
                *(Route(f"/api/{name}", _answering(explorer, answer), methods=["GET"]) for name, answer in routes),
                *(Route(f"/api/{name}", _taking(explorer, take), methods=["POST"]) for name, take in posts),
            ]
        ),
        guard,
    )


def _refused(error: SignverseError) -> Response:
    status = 409 if isinstance(error, ChangedLakeError) else 500 if isinstance(error, DamagedLakeError) else 400
    return refused(error.message, status, hint=error.hint, changed=status == 409)


def _unexpected(error: BaseException) -> Response:
    """The page says it, and the rest of it works on."""
    return refused(f"unexpected {type(error).__name__}: {str(error)[:200]}", 500, hint="Please report this.")


def _answering(explorer: Explorer, answer: Callable[[Explorer, Request], Any]) -> Callable[[Request], Any]:
    """A route: in a thread, so that a slow question keeps no other one waiting."""
    from anyio import CapacityLimiter
    from anyio.to_thread import run_sync
    from starlette.responses import Response

    # Threads of its own: statements that wait for each other keep no clip and no filter waiting.
    threads = CapacityLimiter(_THREADS)

    def work(request: Request) -> Response:
        try:
            made = answer(explorer, request)
            return made if isinstance(made, Response) else as_json(made)
        except SignverseError as error:
            return _refused(error)
        except BaseException as error:  # a panic of Rust is one as well
            return _unexpected(error)

    async def route(request: Request) -> Response:
        gone = threading.Event()
        # The thread takes the context of this task.
        WAITED_FOR.set(gone)
        watching = asyncio.ensure_future(_set_when_gone(request, gone))
        try:
            return await run_sync(work, request, limiter=threads)
        finally:
            watching.cancel()

    return route


async def _set_when_gone(request: Request, gone: threading.Event) -> None:
    """Waits until the browser has closed the connection: it asks for something else, or has left."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
    gone.set()


def _taking(explorer: Explorer, take: Callable[[Explorer, Any], Any]) -> Callable[[Request], Any]:
    """A route of a POST with a JSON object."""
    from starlette.concurrency import run_in_threadpool

    def work(body: bytes) -> Response:
        try:
            given = json.loads(body)
        except (ValueError, RecursionError):
            return refused("this is not JSON", 400)
        try:
            if not isinstance(given, dict):
                raise BadInputError("an object is expected")
            return as_json(take(explorer, given))
        except SignverseError as error:
            return _refused(error)
        except BaseException as error:  # a panic of Rust is one as well
            return _unexpected(error)

    async def route(request: Request) -> Response:
        body = b""
        async for part in request.stream():
            body += part
            if len(body) > MOST_BYTES:
                return refused("too much was sent", 413)
        return await run_in_threadpool(work, body)

    return route


async def _page(guard: Guard, request: Request) -> Response:
    from starlette.responses import HTMLResponse

    text = _file("index.html").decode().replace("{{token}}", html.escape(guard.token, quote=True))
    return HTMLResponse(text, headers={"cache-control": "no-store"})


async def _static(name: str, request: Request) -> Response:
    from starlette.responses import Response

    return Response(_file(name), 200, {"cache-control": "no-cache"}, _FILES[Path(name).suffix])


async def _static_named(request: Request) -> Response:
    from starlette.responses import PlainTextResponse

    # Looked up among the names that there are, never joined into a path.
    names = {entry.name for entry in _static_folder().iterdir()}
    name = request.path_params["name"]
    if name not in names or Path(name).suffix not in _FILES:
        return PlainTextResponse("not found", 404)
    return await _static(name, request)


def _static_folder() -> Any:
    return files("signverse.export.explorer") / "static"


def _file(name: str) -> bytes:
    data: bytes = (_static_folder() / name).read_bytes()
    return data
