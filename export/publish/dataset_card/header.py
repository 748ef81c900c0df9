"""The YAML at the top of a card: what the hub shows and searches by, and what `load_dataset` reads."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final

from signverse.export.publish.dataset_card.facts import Facts, language_name
from signverse.export.publish.dataset_card.features import configurations
from signverse.export.publish.licences import Stated
from signverse.lake.model.languages import by_code

Header = dict[str, Any]

_SIZES: Final = ("n<1K", "1K<n<10K", "10K<n<100K", "100K<n<1M", "1M<n<10M", "10M<n<100M", "100M<n<1B")

_BY_NAME: Final = ("configs", "dataset_info")
"""Lists whose entries have a config_name."""

_LICENCE: Final = ("license", "license_name", "license_link")

_FREE: Final = ("tags", "task_categories")
"""Lists of which a person may leave out what was made."""

_GATE: Final = {
    "extra_gated_heading": "Poses of people: say what you will use them for",
    "extra_gated_prompt": (
        "Keypoints of a face and a way of moving can identify a person. You agree not to identify signers, not to join "
        "the poses with data that would, and to take out what its signers ask to have taken out."
    ),
    "extra_gated_fields": {
        "Name": "text",
        "Affiliation": "text",
        "Country": "country",
        "Intended use": {
            "type": "select",
            "options": ["Research", "Education", {"label": "Other", "value": "other"}],
        },
        "I agree to these conditions": "checkbox",
    },
}
"""The form of a data set to which access is asked for."""


def header(facts: Facts, licence: Stated | None, *, gated: bool) -> Header:
    """The keys that are made of the figures."""
    rows = facts.videos if facts.kind in {"card", "consolidated"} else facts.clips
    size = next((name for power, name in enumerate(_SIZES, 3) if rows < 10**power), _SIZES[-1])
    made: Header = {
        **(licence.header() if licence else {}),
        "language": list(dict.fromkeys(map(_iso, facts.codes))),
        "pretty_name": pretty_name(facts),
        "size_categories": [size],
        "task_categories": ["translation", "keypoint-detection"],
        "tags": ["sign-language", "pose-estimation", "keypoints", "timeseries", "mlcroissant", "signverse-lake"],
        **(_GATE if gated else {}),
    }
    found = configurations(facts)
    made["configs"] = [
        {
            "config_name": name,
            **({"default": True} if not place else {}),
            "data_files": [{"split": "train", "path": pattern}],
        }
        for place, (name, pattern, _) in enumerate(found)
    ]
    made["dataset_info"] = [{"config_name": name, "features": columns} for name, _, columns in found]
    return made


def pretty_name(facts: Facts) -> str:
    """A title that says what it is."""
    names = [language_name(code) for code in facts.codes]
    of = names[0] if len(names) == 1 else f"{len(names)} sign languages"
    return f"Poses of {of}, {facts.videos:,} {'video' if facts.videos == 1 else 'videos'}"


def _iso(code: str) -> str:
    """The ISO 639-3 code; sgn, the code of all sign languages, where a language has none of its own."""
    found = by_code().get(code)
    if found is None:
        return "und"
    return "sgn" if found.iso639_3 == "mis" else found.iso639_3


def record(made: Mapping[str, Any]) -> Header:
    """What of a header was made, as opposed to what a person adds or changes; of long entries a sum."""
    short = {key: value for key, value in made.items() if key not in _BY_NAME}
    return {**short, **{key: {entry["config_name"]: _sum(entry) for entry in made[key]} for key in _BY_NAME}}


def _sum(entry: Any) -> str:
    return hashlib.sha256(repr(entry).encode("utf-8", "replace")).hexdigest()[:16]


def merge_header(made: Header, earlier: Mapping[str, Any], recorded: Mapping[str, Any], remarks: list[str]) -> Header:
    """The header of a card, with what a person added to the earlier one or changed in it.

    Args:
        recorded: what of the earlier one was made, see `record`.
        remarks: takes a line for what of the earlier one is replaced or left out.
    """
    merged: Header = {}
    for key, value in made.items():
        before = earlier.get(key)
        if key in _BY_NAME:
            merged[key] = _merge_entries(key, value, before, recorded.get(key), remarks)
        elif key in _LICENCE:
            if key == "license" and before is not None and before != value:
                remarks.append(f"the licence of the earlier card, {str(before)[:60]!r}, is replaced by {value!r}")
            merged[key] = value
        elif before is None or before == recorded.get(key):
            merged[key] = value
        elif isinstance(value, list) and isinstance(before, list):
            ours = recorded.get(key)
            mine = ours if isinstance(ours, list) else []
            removed = [item for item in mine if item not in before] if key in _FREE else []
            own = [item for item in before if item not in mine and item not in value]
            merged[key] = [*(item for item in value if item not in removed), *own]
        else:
            merged[key] = before
    for key, value in earlier.items():
        made_then = key in recorded and recorded[key] == value and key not in _LICENCE
        replaced = key in _LICENCE and "license" in made
        if key not in merged and not made_then and not replaced:
            merged[key] = value
    return merged


def _merge_entries(
    key: str, made: list[dict[str, Any]], before: Any, recorded: Any, remarks: list[str]
) -> list[dict[str, Any]]:
    """The entries of `configs` or `dataset_info`: those that were made, those that a person edited, and others' own."""
    sums = recorded if isinstance(recorded, dict) else {}
    earlier: dict[str, dict[str, Any]] = {}
    for entry in before if isinstance(before, list) else [] if before is None else [before]:
        if isinstance(entry, dict) and isinstance(entry.get("config_name"), str):
            earlier[entry["config_name"]] = entry
        else:
            remarks.append(f"README.md: an entry of {key} without a config_name is left out")
    merged = []
    for entry in made:
        name = entry["config_name"]
        old = earlier.pop(name, None)
        edited = old is not None and old != entry and sums.get(name) != _sum(old)
        if old is not None and edited and name in sums:
            remarks.append(f"README.md: {key} of {name}, which a person edited, stays as it is")
            merged.append(old)
            continue
        if edited:
            remarks.append(f"README.md: {key} of {name} is replaced by that of the export")
        merged.append(entry)
    for name, old in earlier.items():
        if name in sums:
            if sums[name] != _sum(old):
                remarks.append(f"README.md: {key} of {name}, which a person edited, is left out: its files are gone")
        else:
            if old.get("default"):
                remarks.append(
                    f"README.md: {name} is not the default configuration any more, {made[0]['config_name']} is"
                )
            merged.append({field: value for field, value in old.items() if field != "default"})
    return merged
