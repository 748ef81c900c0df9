"""A lake to look at, and a server of it."""

from __future__ import annotations

import http.client
import json
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import numpy as np
import pytest

from signverse.export.explorer.listen import serving
from signverse.lake.lake import Lake
from tests.export.conftest import Video, fill, somebody

HOSTILE = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
ARGUMENTS = [
    *("--no-sandbox", "--disable-gpu", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
]

HEBREW = "\u05e9\u05dc\u05d5\u05dd \u05e2\u05d5\u05dc\u05dd"


def moving(frames: int, people: int = 1) -> dict[tuple[int, int], np.ndarray]:
    """People that move a pixel a frame."""
    made = {}
    for frame in range(frames):
        for person in range(people):
            points = somebody(person, 0.9)
            points[:, 0] += frame
            made[frame, person] = points
    return made


@pytest.fixture(scope="session")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """A lake of awkward ids and captions in several scripts; only to be read."""
    cues = [(0.0, 1.0, "Good morning, water"), (1.0, 2.0, HOSTILE), (2.0, 3.0, "More water")]
    return fill(
        tmp_path_factory.mktemp("shown") / "lake",
        [
            Video("-dash.b", 72, moving(72, 2), cues, title="<b>bold</b>"),
            Video("hebrew", 48, moving(48), [(0.0, 1.0, HEBREW), (1.0, 2.0, "water")], ("manual", "he", ""), "isr"),
            Video("silent", 30, {}),
            *(Video(f"many{i:03d}", 24, {}, [(0.0, 1.0, f"number {i}")], language="pso") for i in range(200)),
        ],
    )


@dataclass
class Answer:
    """What the server said."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Served:
    """A server, and how to ask it. `host` is what an honest browser sends."""

    address: str
    picks: Path
    media: Path | None = None
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def host(self) -> str:
        return urlsplit(self.address).netloc

    def ask(
        self, path: str, method: str = "GET", body: bytes | None = None, headers: Mapping[str, str | None] | None = None
    ) -> Answer:
        where = urlsplit(self.address)
        connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=60)
        sent: dict[str, str | None] = {"Host": self.host, **self.headers, **(headers or {})}
        connection.putrequest(method, path, skip_host=True)
        for name, value in sent.items():
            if value is not None:
                connection.putheader(name, value)
        if body is not None:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        got = connection.getresponse()
        answer = Answer(got.status, {name.lower(): value for name, value in got.getheaders()}, got.read())
        connection.close()
        return answer

    def api(self, name: str, **parameters: Any) -> Answer:
        query = urlencode({key.replace("_", "-"): value for key, value in parameters.items()}, doseq=True)
        return self.ask(f"/api/{name}?{query}")

    def token(self) -> str:
        found = re.search(r'name="signverse-token" content="([^"]+)"', self.ask("/").body.decode())
        assert found
        return found.group(1)

    def post(self, name: str, given: Any, **headers: str | None) -> Answer:
        sent = {"X-Signverse-Token": self.token(), "Content-Type": "application/json"}
        more = {key.replace("_", "-"): value for key, value in headers.items()}
        return self.ask(f"/api/{name}", "POST", json.dumps(given).encode(), {**sent, **more})


@pytest.fixture(scope="session")
def served(shown: Lake, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server of that lake, with bytes that pass for a video."""
    folder = tmp_path_factory.mktemp("served")
    (folder / "media").mkdir()
    (folder / "media" / "-dash.b.mp4").write_bytes(bytes(range(256)) * 8)
    (folder / "media" / "stranger.mp4").write_bytes(b"not in the lake")
    with serving(shown.folder, media=folder / "media", picks=folder / "picks.parquet") as address:
        yield Served(address, folder / "picks.parquet", folder / "media")


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Served]]:
    """Starts servers that end with the test."""
    from contextlib import ExitStack

    with ExitStack() as stack:

        def start(lake: Path, **options: Any) -> Served:
            picks = options.pop("picks", tmp_path / "picks.parquet")
            return Served(stack.enter_context(serving(lake, picks=picks, **options)), picks)

        yield start


@pytest.fixture(scope="session")
def chromium():
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("there is no Chromium: apt-get install chromium")
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium, serve):
    """Opens an address; the test fails where the page has an error, or asks another host. Servers end after it."""
    errors: list[str] = []
    contexts = []

    def open_page(address: str, *, refused: bool = False, **options):
        context = chromium.new_context(viewport={"width": 1300, "height": 800}, reduced_motion="reduce", **options)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        # Chromium itself writes a request that was refused into the console.
        page.on(
            "console",
            lambda message: (
                errors.append(message.text)
                if message.type == "error" and not (refused and "status of 400" in message.text)
                else None
            ),
        )
        page.on("request", lambda request: errors.append(request.url) if not request.url.startswith(base) else None)
        base = address.partition("?")[0]
        page.goto(address)
        page.wait_for_selector("html[data-ready=true]", state="attached")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert errors == []
