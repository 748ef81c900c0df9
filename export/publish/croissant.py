"""croissant.json: a data set described for programs, by Croissant 1.1 with the fields of RAI 1.0 and PROV.

Record sets are over Parquet only: readers of Croissant unpack whole tars, or take them for ZIP files.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

import pyarrow as pa

from signverse.export.formats.parquet import SCHEMA
from signverse.export.publish.dataset_card.body import citation
from signverse.export.publish.dataset_card.facts import Facts
from signverse.export.publish.dataset_card.features import CLIPS_SCHEMA
from signverse.export.publish.dataset_card.header import pretty_name
from signverse.export.publish.dataset_card.markdown import plain
from signverse.export.publish.dataset_card.people import (
    MAINTENANCE,
    SOCIAL_IMPACT,
    biases,
    limitations,
    out_of_scope,
    personal,
    processing,
    synthetic,
    use_cases,
)
from signverse.export.publish.licences import stated
from signverse.lake.model.schema import KEYPOINTS, SEGMENTS, VIDEOS
from signverse.lake.model.wording import counted

CROISSANT: Final = "croissant.json"

_HUB: Final = "https://huggingface.co/datasets"

_TERMS: Final = [
    "arrayShape",
    "citeAs",
    "column",
    "conformsTo",
    "containedIn",
    "data",
    "dataType",
    "equivalentProperty",
    "examples",
    "excludes",
    "extract",
    "field",
    "fileObject",
    "fileProperty",
    "fileSet",
    "format",
    "includes",
    "isArray",
    "isLiveDataset",
    "jsonPath",
    "key",
    "md5",
    "parentField",
    "path",
    "recordSet",
    "references",
    "regex",
    "repeated",
    "replace",
    "samplingRate",
    "separator",
    "source",
    "subField",
    "transform",
    "unArchive",
    "value",
]

_CONTEXT: Final[dict[str, Any]] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "prov": "http://www.w3.org/ns/prov#",
    "dct": "http://purl.org/dc/terms/",
    "sc": "https://schema.org/",
    **{term: f"cr:{term}" for term in _TERMS},
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
}
"""That of Croissant 1.1."""

_TYPES: Final = {
    pa.string(): "sc:Text",
    pa.int32(): "cr:Int32",
    pa.int8(): "cr:Int8",
    pa.float32(): "cr:Float32",
    pa.float64(): "cr:Float64",
    pa.bool_(): "sc:Boolean",
}

_FORMATS: Final = {
    ".parquet": "application/x-parquet",
    ".tar": "application/x-tar",
    ".csv": "text/csv",
    ".png": "image/png",
    ".json": "application/json",
    ".pose": "application/octet-stream",
}

_SOURCES: Final = (
    ("https://arxiv.org/abs/2605.01720", "SignVerse-2M, of whose released tars some lakes are made"),
    ("https://arxiv.org/abs/2407.11144", "YouTube-SL-25, from which SignVerse-2M chose its videos"),
)


def describe(
    facts: Facts, licence: str | None, repository: str | None, files: Mapping[str, tuple[str, int]]
) -> dict[str, Any]:
    """The content of croissant.json.

    Args:
        licence: as a person gave it; None leaves it out.
        repository: where it is published on the hub: "OWNER/NAME".
        files: sha256 and bytes of the files by their paths.
    """
    address = f"{_HUB}/{repository}" if repository else ""
    given = stated(licence) if licence else None
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", repository.partition("/")[2] if repository else f"poses-{facts.kind}")
    owner = repository.partition("/")[0] if repository else "signverse-lake"
    made: dict[str, Any] = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "name": name,
        "conformsTo": ["http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0"],
        "description": f"{pretty_name(facts)}: keypoints of people who sign, estimated by DWPose, with captions. "
        f"{counted(facts.clips, 'clip')}, {counted(facts.frames, 'frame')}.",
        **({"license": given.address or given.given} if given else {}),
        "url": address or "https://pypi.org/project/signverse-lake/",
        "creator": {"@type": "Organization", "name": owner},
        "datePublished": facts.last_ingested or "1970-01-01",
        "version": f"1.{max(facts.lake_version, 0)}.0",
        "citeAs": citation(facts, repository),
        "inLanguage": sorted(set(facts.codes)),
        "keywords": ["sign language", "pose estimation", "keypoints", "DWPose"],
        "isLiveDataset": False,
        **_responsible(facts),
        "distribution": _distribution(facts, address, files),
    }
    records = _records(facts)
    return {**made, "recordSet": records} if records else made


def dump(description: Mapping[str, Any]) -> bytes:
    """A description as the bytes of croissant.json."""
    return json.dumps(description, ensure_ascii=False, indent=1).encode("utf-8", "replace") + b"\n"


def _responsible(facts: Facts) -> dict[str, Any]:
    """The fields of RAI and PROV."""
    models = [
        f"{plain(row[name])} (sha256 {plain(row[sums] or 'unknown')})"
        for row in facts.models
        for name, sums in (("detector", "detector_sha256"), ("pose_model", "pose_sha256"))
        if row.get(name)
    ]
    missing = [
        f"{counted(row['videos'], 'video')} {plain(row['outcome'])}"
        + (f": {plain(row['reason'])}" if row.get("reason") else "")
        for row in facts.missing
    ]
    is_synthetic, what = synthetic(facts)
    repairs = [f"{plain(kind)}: {counted(count, 'video')}" for kind, count in facts.repairs.items()]
    return {
        "rai:dataLimitations": [*limitations(facts, plain), *(f"Out of scope: {line}" for line in out_of_scope())],
        "rai:dataBiases": biases(facts, plain),
        "rai:personalSensitiveInformation": personal(facts),
        "rai:dataUseCases": use_cases(),
        "rai:dataSocialImpact": SOCIAL_IMPACT,
        "rai:hasSyntheticData": is_synthetic,
        "rai:dataCollection": f"Videos that people published, and their captions. {what}",
        "rai:dataCollectionMissingData": missing or ["None of the videos that were listed is missing."],
        "rai:dataPreprocessingProtocol": processing(),
        "rai:dataManipulationProtocol": repairs or ["Nothing was repaired."],
        "rai:machineAnnotationTools": sorted(set(models)) or ["Models that the source does not name (DWPose)."],
        "rai:annotationsPerItem": "0",
        "rai:dataAnnotationProtocol": "All keypoints are estimates of models; nobody annotated or corrected them.",
        "rai:dataReleaseMaintenancePlan": MAINTENANCE,
        "prov:wasDerivedFrom": _derived_from(facts),
        "prov:wasGeneratedBy": [
            {"@type": "prov:Activity", "prov:label": step.partition(":")[0], "prov:value": step}
            for step in processing()
        ],
    }


def _derived_from(facts: Facts) -> list[dict[str, str]]:
    """The data sets that the videos were fetched from, with their revisions, and what these were made of."""
    if "shard" not in facts.origins:
        return [{"@id": "https://signverse.invalid/videos", "prov:label": "Videos named in the column url"}]
    fetched = [
        {"@id": name, "prov:label": f"{counted(count, 'video')} of this revision"}
        for name, count in facts.sources.items()
        if re.fullmatch(r"[a-z0-9+.-]+://[A-Za-z0-9._~:/@%+-]+", name)
    ]
    return [*fetched, *({"@id": place, "prov:label": label} for place, label in _SOURCES)]


def _distribution(facts: Facts, address: str, files: Mapping[str, tuple[str, int]]) -> list[dict[str, Any]]:
    """The files: sets of Parquet, and each other file with its sum."""
    repository = {
        "@type": "cr:FileObject",
        "@id": "repo",
        "name": "repo",
        "description": "The repository, or the folder, that this file lies in.",
        "contentUrl": address or ".",
        "encodingFormat": "git+https",
        # What the hub's own files say: there is no sum of a repository.
        "sha256": "https://github.com/mlcommons/croissant/issues/80",
    }
    sets = [
        {
            "@type": "cr:FileSet",
            "@id": f"{name}-files",
            "name": f"{name}-files",
            "containedIn": {"@id": "repo"},
            "encodingFormat": _FORMATS[".parquet"],
            "includes": pattern,
        }
        for name, pattern, _ in _tables(facts)
    ]
    objects = []
    for path, (sha256, size) in sorted(files.items()):
        ending = "." + path.rpartition(".")[2]
        in_a_set = ending == ".pose" or path == "clips.parquet" or re.match(r"data/.*\.parquet$", path)
        if path in {CROISSANT, "README.md"} or in_a_set:
            continue
        objects.append(
            {
                "@type": "cr:FileObject",
                "@id": path,
                "name": path,
                "containedIn": {"@id": "repo"},
                "contentUrl": path,
                "contentSize": f"{size} B",
                "encodingFormat": _FORMATS.get(ending, "text/plain"),
                "sha256": sha256,
            }
        )
    if facts.kind == "pose":
        poses = {"includes": "*/*.pose", "encodingFormat": _FORMATS[".pose"], "containedIn": {"@id": "repo"}}
        objects.append({"@type": "cr:FileSet", "@id": "poses", "name": "poses", **poses})
    return [repository, *sets, *objects]


def _tables(facts: Facts) -> list[tuple[str, str, pa.Schema]]:
    """The tables of Parquet: name, pattern of their files, columns."""
    if facts.kind == "parquet":
        arrays = "data/*/*.parquet" if facts.by_language else "data/*.parquet"
        return [("clips", "clips.parquet", CLIPS_SCHEMA), ("poses", arrays, SCHEMA)]
    if facts.kind == "lake":
        return [
            ("segments", "segments/*/*.parquet", SEGMENTS.file_schema),
            ("videos", "videos/*.parquet", VIDEOS.file_schema),
            ("keypoints", "keypoints/*/*.parquet", KEYPOINTS.file_schema),
        ]
    return []


def _records(facts: Facts) -> list[dict[str, Any]]:
    return [
        {
            "@type": "cr:RecordSet",
            "@id": name,
            "name": name,
            "field": [_field(name, item) for item in schema if _of(item) is not None],
        }
        for name, _, schema in _tables(facts)
    ]


def _of(item: pa.Field) -> str | None:
    kind = item.type.value_type if pa.types.is_list(item.type) else item.type
    return "sc:DateTime" if pa.types.is_timestamp(kind) else _TYPES.get(kind)


def _field(table: str, item: pa.Field) -> dict[str, Any]:
    array = {"isArray": True, "arrayShape": "-1"} if pa.types.is_list(item.type) else {}
    return {
        "@type": "cr:Field",
        "@id": f"{table}/{item.name}",
        "name": item.name,
        "dataType": _of(item),
        "source": {"fileSet": {"@id": f"{table}-files"}, "extract": {"column": item.name}},
        **array,
    }
