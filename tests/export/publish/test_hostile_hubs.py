"""Whatever lies in a repository, publishing to it ends in a line that names it, or goes well."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from signverse.export.publish.client.answers import pause
from tests.export.publish.conftest import LICENCE
from tests.export.publish.test_publish import Command, content
from tests.fakehub.hub import Hub

THERE = {
    "SHA256SUMS: nothing": ("SHA256SUMS", b""),
    "SHA256SUMS: zeros": ("SHA256SUMS", b"\0" * 1000),
    "SHA256SUMS: outside": ("SHA256SUMS", b"0" * 64 + b"  ../../etc/passwd\n"),
    "SHA256SUMS: a long line": ("SHA256SUMS", b"0" * 1_000_000),
    "index.csv: nothing": ("index.csv", b""),
    "index.csv: zeros": ("index.csv", b"\0" * 1000),
    "index.csv: a long field": ("index.csv", b'video_id,file\n"' + b"x" * 300_000),
    "index.csv: other columns": ("index.csv", b"a,b\n1,2\n"),
    "index.csv: not text": ("index.csv", bytes(range(256)) * 10),
    "README.md: nothing": ("README.md", b""),
    "README.md: not text": ("README.md", b"---\nlicense: mit\n---\n\xff\xfe"),
    "README.md: no YAML": ("README.md", b"---\n{[\n---\n"),
    "README.md: aliases": ("README.md", b"---\na: &a [x, x]\nb: [*a, *a]\n---\n"),
    "README.md: deep": ("README.md", b"---\na: " + b"[" * 5000 + b"\n---\n"),
    "README.md: a tag": ("README.md", b"---\na: !!python/object/apply:os.system ['true']\n---\n"),
    "a name with commands": ("a\x1b[31m\x07b\u202e.txt", b"x"),
    "a large file": ("notes.bin", b"x" * 11_000_000),
}


@pytest.mark.parametrize("case", THERE)
def test_what_lies_there_is_no_harm(case: str, hub: Hub, written: Callable[[str], Path], signverse: Command) -> None:
    folder = written("webdataset")
    assert signverse("publish", folder, "owner/poses", *LICENCE)[0] == 0
    name, data = THERE[case]
    # Beside it a sign of an earlier version, so that all of it is looked at.
    hub.put("owner/poses", {"index.csv": b"video_id,file\nsynthASE001,signverse-000000.tar\n", name: data})
    code, out, err = signverse("publish", folder, "owner/poses", *LICENCE)
    assert code in (0, 1) and "unexpected" not in err
    assert not {"\x1b", "\x07", "\u202e"} & set(out + err)
    if code:
        assert name in err and len(err.splitlines()) == 1
    else:
        published = hub.files("owner/poses")
        assert {path: published[path] for path in content(folder)} == content(folder)


@pytest.mark.parametrize(
    ("status", "headers", "seconds"),
    [
        (429, {"RateLimit": '"api";r=0;t=55', "RateLimit-Policy": '"fixed window";"api";q=500;w=300'}, 55),
        (429, {"Retry-After": "30"}, 30),
        (429, {"Retry-After": "999999999"}, 899),
        (429, {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, 0),
        (429, {"RateLimit": "nonsense"}, 0),
        (503, {}, 0),
        (None, {}, 0),
    ],
)
def test_it_is_waited_as_long_as_the_hub_asks_within_reason(
    status: int | None, headers: dict[str, str], seconds: int
) -> None:
    assert seconds <= pause(1, status, headers) <= seconds + 2


def test_waiting_grows_and_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("signverse.export.publish.client.answers.PAUSE_S", 1.0)
    waits = [pause(attempt, 503, {}) for attempt in range(1, 12)]
    assert waits == sorted(waits) and waits[0] == 1 and waits[-1] == 60
