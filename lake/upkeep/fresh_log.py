"""The logs of a copy of a lake that holds nothing but the newest version: for what is given away."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

from signverse.lake.model.errors import BadInputError, DamagedLakeError
from signverse.lake.model.schema import TABLES, Table
from signverse.lake.model.wording import as_argument, some
from signverse.lake.storage import delta
from signverse.lake.storage.delta import ActiveFile
from signverse.lake.storage.integrity import commit_info
from signverse.lake.storage.snapshot import Snapshot
from signverse.lake.upkeep.plan import make_plan


def fresh_logs(snapshot: Snapshot) -> tuple[dict[str, ActiveFile], dict[str, bytes]]:
    """What a copy of the newest version consists of, by paths in the lake: its data files, and logs made for it.

    The logs have no past: one entry makes the table, one adds the files. The same version gives the same bytes.

    Raises:
        DamagedLakeError: files are lost.
        BadInputError: the files hold rows of ingestions that were replaced or dropped, which a copy would give away.
    """
    folder = snapshot.folder
    lost = [file for table in TABLES for file in snapshot.lost(table.name)]
    if lost:
        names = some([file.path for file in lost])
        raise DamagedLakeError(f"{folder} has lost files: {names}", f"Run: signverse repair {as_argument(folder)}")
    plan = make_plan(snapshot, retention=timedelta(0), small_only=True)
    if plan.replaced or plan.unneeded:
        raise BadInputError(
            f"the files of {folder} still hold rows of videos that were replaced, dropped or interrupted",
            f"Run: signverse maintain --lake {as_argument(folder)} --retention 0",
        )
    data: dict[str, ActiveFile] = {}
    logs: dict[str, bytes] = {}
    for table in TABLES:
        files = snapshot.stored_files(table.name)
        data |= {f"{table.name}/{file.name}": file for file in files}
        for version, lines in enumerate(_entries(folder / table.name, table, files)):
            entry = "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)
            logs[f"{table.name}/_delta_log/{version:020}.json"] = entry.encode()
    return data, logs


def _entries(folder: Path, table: Table, files: list[ActiveFile]) -> list[list[Mapping[str, Any]]]:
    """The actions of each entry of a table's new log."""
    opened = delta.open_table(folder)
    protocol, about = opened.protocol(), opened.metadata()
    made = {
        "id": str(about.id),
        "name": about.name,
        "description": about.description,
        "format": {"provider": "parquet", "options": {}},
        "schemaString": opened.schema().to_json(),
        "partitionColumns": list(about.partition_columns),
        "createdTime": about.created_time,
        "configuration": dict(sorted(about.configuration.items())),
    }
    reads = {"minReaderVersion": protocol.min_reader_version, "minWriterVersion": protocol.min_writer_version}
    first = _info("CREATE TABLE", about.created_time, 2, {})
    entries: list[list[Mapping[str, Any]]] = [[first, {"protocol": reads}, {"metaData": made}]]
    if files:
        adds = [_add(table, file) for file in files]
        changes = [("add", file.name, file.size, _values(table, file), _statistics(file)) for file in files]
        time = max(int(file.modified.timestamp() * 1000) for file in files)
        digest = {commit_info.DIGEST: commit_info.digest_of(changes)}
        entries.append([_info("WRITE", time, len(adds), digest), *adds])
    return entries


def _info(operation: str, time: int, actions: int, said: Mapping[str, str]) -> Mapping[str, Any]:
    about = {"timestamp": time, "operation": operation, "operationParameters": {"mode": "Append"}}
    return {"commitInfo": {**about, commit_info.ACTIONS: str(actions), **said}}


def _add(table: Table, file: ActiveFile) -> Mapping[str, Any]:
    return {
        "add": {
            # A path in a log is written as in a URL.
            "path": quote(file.name, safe="/=:-._~"),
            "partitionValues": _values(table, file),
            "size": file.size,
            "modificationTime": int(file.modified.timestamp() * 1000),
            "dataChange": True,
            "stats": _statistics(file),
        }
    }


def _values(table: Table, file: ActiveFile) -> dict[str, Any]:
    return {table.partition: file.partition} if table.partition else {}


def _statistics(file: ActiveFile) -> str:
    statistics: dict[str, Any] = {"numRecords": file.num_rows}
    if file.first_id and file.last_id != chr(0x10FFFF):
        statistics |= {
            "minValues": {"video_id": file.first_id},
            "maxValues": {"video_id": file.last_id},
            "nullCount": {"video_id": 0},
        }
    return json.dumps(statistics)
