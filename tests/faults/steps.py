"""What the processes of a trial do: run a command, and say what a lake or an export holds."""

from __future__ import annotations

import gc
import hashlib
import importlib
import re
from collections import Counter
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

from tests.faults.same_process import SameProcess

TABLES: Final = ("sources", "videos", "segments", "captions", "keypoints", "outcomes", "splits")

VARYING: Final = {
    *("ingest_id", "keypoints_ingest_id", "keypoints_file", "first_row_group", "row_group_count"),
    *("ingested_at", "attempted_at", "listed_at", "made_at", "attempt"),
}
"""Columns that differ from run to run: times, ids of ingestions, and where keypoints lie, which `verify` compares."""


def load() -> None:
    """Imports what commands import, and nothing that starts a thread."""
    for name in (
        *("deltalake", "duckdb", "numpy", "polars", "pyarrow.compute", "pyarrow.parquet", "PIL.Image", "rich.progress"),
        *("signverse.command_line", "signverse.ingest.shards.importer", "signverse.ingest.shards.prepare"),
        *("signverse.ingest.manifest", "signverse.export.release.shards", "signverse.export.release.clip_exports"),
        *("signverse.export.formats.registry", "signverse.lake.upkeep.maintain", "signverse.lake.upkeep.verify"),
        *("signverse.lake.query.session", "typer._adapters"),
    ):
        importlib.import_module(name)
    from signverse.command_line import build_app
    from signverse.lake.jobs.pool import LocalEngine

    _APPS.append(build_app())

    # Workers only read what they are given and hand it over: faults are of the process that commits.
    LocalEngine.executor = lambda _, size, make_job, *arguments, **__: SameProcess(make_job, arguments)  # type: ignore[method-assign]
    # A collection in a forked process would write to every page that it shares.
    gc.freeze()


_APPS: Final[list[Any]] = []


def _run(words: list[str]) -> int:
    from signverse.lake.cli.entry import run

    return run(_APPS[0], words)


def command(words: list[str], control: str, prefix: str, fault: str | None = None, trace: str | None = None) -> int:
    """Runs a command line with a fault; gives its exit code."""
    from tests.faults.shim import Control, Fault

    armed = Control(Path(control))
    armed.arm(Path(prefix), Fault.of(fault) if fault else None, Path(trace) if trace else None)
    return _run(words)


def lake_content(lake: str) -> dict[str, Any]:
    """What a lake says of itself: rows of all tables without what varies, problems, and ids of the videos.

    A folder that is no lake says so in `missing`.
    """
    from signverse.lake.lake import Lake
    from signverse.lake.model.errors import NotALakeError
    from signverse.lake.storage.integrity.foreign_errors import collect
    from signverse.lake.upkeep.verify import verify_lake

    try:
        opened = Lake.open(lake)
    except NotALakeError as error:
        return {"missing": str(error)}
    rows: dict[str, list[str]] = {}
    for name in TABLES:
        table = opened.raw_table(name) if name == "outcomes" else opened.table(name)
        frame = collect(table)
        frame = frame.select(sorted(set(frame.columns) - VARYING))
        rows[name] = sorted(repr(row) for row in frame.iter_rows())
    done = Counter(collect(opened.raw_table("outcomes")).filter(outcome="done")["video_id"].to_list())
    return {
        "videos": sorted(opened.snapshot.visible()["video_id"]),
        "problems": list(verify_lake(opened.snapshot)),
        "rows": {name: hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16] for name, lines in rows.items()},
        "counts": {name: len(lines) for name, lines in rows.items()},
        "done": dict(sorted(done.items())),
    }


def lake_after(lake: str, words: list[str]) -> dict[str, Any]:
    """What a lake says after a fault, then after the same command without one, and what maintenance leaves lying.

    Maintenance takes as long as all the rest: it runs where something lies there that belongs to no table.
    """
    found = lake_content(lake)
    code = _run(words)
    if code != 0:
        return {"found": found, "code": code}
    again = last = lake_content(lake)
    left = _strays(Path(lake))
    if left:
        _run(["maintain", "--lake", lake, "--retention", "0"])
        left, last = _strays(Path(lake)), lake_content(lake)
    return {"found": found, "code": code, "again": again, "left": left, "last": last}


_OF_LOGS: Final = re.compile(r"(\d{20}\.json|\d{20}\.checkpoint\.parquet|_last_checkpoint)")


_BESIDE_TABLES: Final = {"_writers", "_versions", "_damaged"}
"""Locks of processes that write, such as this one; what is recorded of the logs; and what `repair` took out."""


def _strays(lake: Path) -> list[str]:
    """Files of a lake that belong to no table's newest version and to no log."""
    from signverse.lake.model.schema import TABLES as SCHEMAS
    from signverse.lake.storage import delta

    found = []
    for table in SCHEMAS:
        folder = lake / table.name
        active = {file.name for file in delta.active_files(delta.open_table(folder), table)}
        for path in folder.rglob("*"):
            name = str(path.relative_to(folder))
            of_log = path.parent.name == "_delta_log" and _OF_LOGS.fullmatch(path.name)
            if path.is_file() and not of_log and unquote(name) not in active and name not in active:
                found.append(f"{table.name}/{name}")
    others = {path.name for path in lake.iterdir()} - {table.name for table in SCHEMAS} - _BESIDE_TABLES
    return sorted([*found, *others])


def export_after(lake: str, out: str, words: list[str]) -> dict[str, Any]:
    """What an export holds after a fault and the same command without one."""
    code = _run(words)
    return {"code": code, "files": files_of(out), "verified": _run(["verify", out]), "lake": lake_content(lake)}


def files_of(folder: str) -> dict[str, str]:
    """Every file under a folder, and the digest of its bytes."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()[:16]
        for path in sorted(Path(folder).rglob("*"))
        if path.is_file()
    }
