"""The types of columns as the card of a data set spells them: what `datasets.Features` writes and reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import pyarrow as pa

from signverse.export.formats.clip_content import ABOUT
from signverse.export.formats.index_rows import ClipRow, VideoRow
from signverse.export.formats.parquet import SCHEMA
from signverse.export.publish.dataset_card.facts import Facts
from signverse.lake.model.schema import KEYPOINTS, SEGMENTS, VIDEOS

Features = list[dict[str, Any]]

CLIPS_SCHEMA: Final = pa.schema([item for item in ABOUT if item.name != "absent_frames"])
"""The columns of clips.parquet: texts, times and confidences, no arrays."""

_NAMES: Final = {pa.string(): "string", pa.float64(): "float64", pa.float32(): "float32", pa.bool_(): "bool"}


def features(schema: Sequence[pa.Field]) -> Features:
    """The columns of a table."""
    return [{"name": item.name, **_type(item.type)} for item in schema]


def _type(kind: pa.DataType) -> dict[str, Any]:
    if pa.types.is_list(kind):
        inner = _type(kind.value_type)
        return {"list": inner.get("dtype", inner)}
    return {"dtype": _NAMES.get(kind, str(kind))}


def _nested(depth: int, kind: str) -> dict[str, Any]:
    return {"list": kind if depth == 1 else _nested(depth - 1, kind)}


def webdataset_features(all_people: bool) -> Features:
    """The members of a sample; body_visible.npy is null where a sample lacks it."""
    more = int(all_people)
    return [
        {"name": "__key__", "dtype": "string"},
        {"name": "__url__", "dtype": "string"},
        {"name": "keypoints.npy", **_nested(3 + more, "float32")},
        {"name": "body_visible.npy", **_nested(2 + more, "int8")},
        {"name": "json", "struct": features(list(ABOUT))},
    ]


def configurations(facts: Facts) -> list[tuple[str, str, Features]]:
    """The configurations of a data set, the default one first: name, pattern of the files, columns."""
    if facts.kind == "parquet":
        arrays = features(list(SCHEMA))
        return [("clips", "clips.parquet", features(list(CLIPS_SCHEMA))), *_by_language(facts, "parquet", arrays)]
    if facts.kind == "webdataset":
        # Readers take one format a repository: a table of Parquet beside the tars would not be read, or they not.
        return _by_language(facts, "tar", webdataset_features(facts.all_people))
    if facts.kind == "lake":
        rows = features(list(KEYPOINTS.file_schema))
        return [
            ("segments", "segments/*/*.parquet", features(list(SEGMENTS.file_schema))),
            ("videos", "videos/*.parquet", features(list(VIDEOS.file_schema))),
            *((code, f"keypoints/sign_language={code}/*.parquet", rows) for code in facts.named),
        ]
    row = ClipRow if facts.kind == "pose" else VideoRow
    kinds = {"int": "int64", "str": "string"}
    return [("index", "index.csv", [{"name": name, "dtype": kinds[str(kind)]} for name, kind in _annotations(row)])]


def _by_language(facts: Facts, ending: str, columns: Features) -> list[tuple[str, str, Features]]:
    everything = f"data/*/*.{ending}" if facts.by_language else f"data/*.{ending}" if ending == "parquet" else "*.tar"
    each = [(code, f"data/{code}/*.{ending}", columns) for code in facts.named if facts.by_language]
    return [("all", everything, columns), *each]


def _annotations(row: type[ClipRow] | type[VideoRow]) -> list[tuple[str, Any]]:
    from dataclasses import fields

    return [(item.name, item.type) for item in fields(row)]
