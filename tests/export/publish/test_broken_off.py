"""Whatever goes wrong on the way, the same command goes on, and what is published in the end is the export."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import huggingface_hub
import pytest

from signverse.export.publish import plan
from tests.export.publish.conftest import LICENCE
from tests.export.publish.test_publish import Command, content
from tests.fakehub.hub import Answer, Cut, Drop, Hub

LIMIT = {"RateLimit": '"api";r=0;t=0', "RateLimit-Policy": '"fixed window";"api";q=500;w=300'}

PASSING = {
    "429": (Answer(429, LIMIT), r"/commit/main", "POST"),
    "429 with Retry-After": (Answer(429, {"Retry-After": "0", "RateLimit": ""}), r"/commit/main", "POST"),
    "429 of the listing": (Answer(429, LIMIT), r"/tree/", "GET"),
    "408": (Answer(408), r"/commit/main", "POST"),
    "409": (Answer(409), r"/commit/main", "POST"),
    "412": (Answer(412), r"/commit/main", "POST"),
    "500": (Answer(500), r"/commit/main", "POST"),
    "500 of the storage": (Answer(500), r"/cdn/put/", "PUT"),
    "502": (Answer(502), r"/preupload/", "POST"),
    "503": (Answer(503), r"/info/lfs/objects/batch", "POST"),
    "503 of the repository": (Answer(503), r"^/api/datasets/owner/poses", "GET"),
    "504 after the commit": (Answer(504, after_doing=True), r"/commit/main", "POST"),
    "dropped": (Drop(), r"/commit/main", "POST"),
    "dropped after the commit": (Drop(after_doing=True), r"/commit/main", "POST"),
    "dropped by the storage": (Drop(), r"/cdn/put/", "PUT"),
    "cut": (Cut(10), r"/tree/", "GET"),
    "cut after the commit": (Cut(5), r"/commit/main", "POST"),
}


def whole(hub: Hub, folder: Path, name: str = "owner/poses") -> bool:
    published = hub.files(name)
    return {path: published.get(path) for path in content(folder)} == content(folder)


@pytest.mark.parametrize("fault", PASSING)
def test_what_passes_is_waited_for_and_nothing_is_committed_twice(
    fault: str,
    hub: Hub,
    written: Callable[[str], Path],
    signverse: Command,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(plan, "FILES_A_COMMIT", 2)
    what, path, method = PASSING[fault]
    hub.fail(what, path=path, method=method, times=2)
    code, out, err = signverse("publish", written("shards"), "owner/poses", *LICENCE)
    assert (code, out) == (0, f"{hub.address}/datasets/owner/poses\n"), err
    assert whole(hub, written("shards"))
    commits = hub.commits("owner/poses")
    assert len(commits) == len(set(commits)), commits


REFUSED = {
    400: "refuses",
    401: "HF_TOKEN",
    403: "right to write",
    404: "Check the names",
    412: "another writer",
    413: "larger than the hub takes",
}


@pytest.mark.parametrize(
    ("status", "path"),
    [
        *((status, r"/commit/main") for status in REFUSED),
        *((403, path) for path in (r"/preupload/", r"/cdn/put/", r"/objects/batch")),
    ],
)
def test_what_does_not_pass_is_one_line_and_another_machine_goes_on(
    status: int,
    path: str,
    hub: Hub,
    written: Callable[[str], Path],
    export: Callable[..., Path],
    signverse: Command,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(plan, "FILES_A_COMMIT", 2)
    hub.fail(Answer(status, message="no, with hf_abcdefghijklmnopqrstuvwxyz"), path=path, after=1, times=None)
    code, out, err = signverse("publish", written("shards"), "owner/poses", *LICENCE)
    assert (code, out) == (1, "")
    assert REFUSED[status] in err or path != r"/commit/main"
    # A 412 may pass, where nobody else has committed.
    assert "hf_" not in err and (len(err.splitlines()) == 1 or status == 412)
    assert "SHA256SUMS" not in hub.files("owner/poses")
    hub.heal()
    committed = hub.repositories["datasets/owner/poses"].large_files().keys()
    hub.clear_log()
    other = export("shards", "elsewhere")
    assert signverse("publish", other, "owner/poses", *LICENCE)[0] == 0
    assert whole(hub, other)
    assert not [sha256 for sha256 in committed if hub.requests_for(f"/cdn/put/{sha256}")]


def test_a_hub_that_is_away_is_one_line(written: Callable[[str], Path], signverse: Command, hub: Hub) -> None:
    hub.fail(Drop(), times=None)
    code, _, err = signverse("publish", written("shards"), "owner/poses", *LICENCE)
    assert code == 1 and "cannot be reached" in err.splitlines()[-1]


def test_a_hub_that_does_not_answer_is_not_waited_for_without_end(
    hub: Hub, written: Callable[[str], Path], signverse: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("signverse.export.publish.client.session.TIMEOUT_S", 0.2)
    hub.pause = 3
    code, _, err = signverse("publish", written("shards"), "owner/poses", *LICENCE)
    huggingface_hub.close_session()
    assert code == 1 and "cannot be reached" in err.splitlines()[-1]


@pytest.mark.slow
def test_ctrl_c_ends_a_run_that_waits_for_an_answer(hub: Hub, written: Callable[[str], Path]) -> None:
    process = start(written("shards"))
    until = time.monotonic() + 60
    while not hub.requests_for(r"/commit/main") and time.monotonic() < until:
        time.sleep(0.02)
    hub.pause = 100
    time.sleep(1)
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130 and "the same command goes on" in err and "Traceback" not in err
    assert time.monotonic() - began < 30


def test_another_writer_is_not_written_over(hub: Hub) -> None:
    from signverse.export.publish.client.hub import Hub as Client
    from signverse.export.publish.content import of_bytes
    from signverse.lake.model.errors import BadInputError
    from tests.fakehub.hub import WRITE_TOKEN

    parent = hub.put("owner/poses", {"a.txt": b"a"})
    hub.put("owner/poses", {"b.txt": b"b"})
    client = Client("owner/poses", token=WRITE_TOKEN)
    client.state()
    with pytest.raises(BadInputError, match="another writer has committed to owner/poses"):
        client.commit("signverse: part", [of_bytes("a.txt", b"c")], (), parent)
    assert hub.files("owner/poses") == {"a.txt": b"a", "b.txt": b"b"}


def start(folder: Path) -> subprocess.Popen[str]:
    code = (
        "from signverse.export.publish import plan; plan.FILES_A_COMMIT = 1\n"
        "from signverse.command_line import main; main()"
    )
    words = [sys.executable, "-c", code, "publish", str(folder), "owner/poses", *LICENCE]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ)


@pytest.mark.parametrize(
    "number",
    [signal.SIGKILL, *(pytest.param(number, marks=pytest.mark.slow) for number in (signal.SIGINT, signal.SIGTERM))],
    ids=lambda number: number.name,
)
def test_a_run_that_is_ended_goes_on_from_another_folder(
    number: signal.Signals, hub: Hub, written: Callable[[str], Path], export: Callable[..., Path], signverse: Command
) -> None:
    hub.pause = 0.2
    process = start(written("shards"))
    until = time.monotonic() + 60
    while len(hub.requests_for(r"/commit/main")) < 2 and time.monotonic() < until:
        time.sleep(0.02)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    hub.pause = 0
    if number is not signal.SIGKILL:
        assert process.returncode == 128 + number and "the same command goes on" in err and "Traceback" not in err
    assert out == ""
    before = {request.path for request in hub.requests_for(r"/cdn/put/") if request.status == 200}
    assert before and "SHA256SUMS" not in hub.files("owner/poses")
    hub.clear_log()
    other = export("shards", "elsewhere")
    assert signverse("publish", other, "owner/poses", *LICENCE)[0] == 0
    assert whole(hub, other)
    assert not before & {request.path for request in hub.requests_for(r"/cdn/put/")}
