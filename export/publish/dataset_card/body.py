"""The sections of a card, in Markdown, made of the figures."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from signverse.export.publish.dataset_card.facts import STATISTICS, Facts, language_name
from signverse.export.publish.dataset_card.header import pretty_name
from signverse.export.publish.dataset_card.markdown import code, number, plain, quoted, table, word
from signverse.export.publish.dataset_card.people import (
    MAINTENANCE,
    SOCIAL_IMPACT,
    biases,
    duration,
    limitations,
    out_of_scope,
    personal,
    processing,
    synthetic,
    use_cases,
)
from signverse.export.publish.dataset_card.reading import PLACE, columns, loading
from signverse.export.publish.licences import Stated
from signverse.lake.model.wording import counted

LANGUAGES_PICTURE: Final = "images/languages.png"
CLIP_PICTURE: Final = "images/clip.png"

_WHAT: Final = {
    "parquet": "Clips as Parquet, a row a clip",
    "webdataset": "Clips as WebDataset tars, a sample a clip",
    "pose": "Clips as .pose files, a file a clip",
    "lake": "A lake: Delta tables of videos, captions and keypoints",
}


def sections(
    facts: Facts, licence: Stated | None, repository: str | None, pictures: Collection[str]
) -> Mapping[str, str]:
    """The text of each section, in order.

    Args:
        pictures: paths of those that there are.
    """
    return {
        "summary": _summary(facts, pictures),
        "statistics": _statistics(facts, pictures),
        "loading": loading(facts, repository),
        "columns": columns(facts),
        "provenance": _provenance(facts),
        "missing": _missing(facts),
        "limitations": _limitations(facts),
        "people": _people(facts),
        "licence": _licence(licence),
        "citation": _citation(facts, licence, repository),
        "maintenance": f"## Versions and takedown\n\n{MAINTENANCE}",
    }


def _list(lines: Collection[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _summary(facts: Facts, pictures: Collection[str]) -> str:
    what = _WHAT.get(facts.kind, "Release shards: tars of whole videos")
    of = "no sign language"
    if facts.codes:
        names = [f"{language_name(code)} ({word(code)})" for code in facts.codes[:8]]
        more = [f"{len(facts.codes) - 8} more"] if len(facts.codes) > 8 else []
        of = ", ".join([*names, *more])
    clips = f"{counted(facts.clips, 'clip')}, {duration(facts.hours)}"
    lines = [
        f"# {pretty_name(facts)}",
        "",
        f"Keypoints of people who sign, estimated by DWPose, with captions: {clips} of {of}. {what}; no pictures and "
        "no sound. Made by signverse-lake; every figure here was counted.",
    ]
    if CLIP_PICTURE in pictures:
        alt = "Frames of one clip side by side, the signer drawn as a skeleton of body, face and hands"
        lines += ["", f"![{alt}]({CLIP_PICTURE})"]
    return "\n".join(lines)


def _statistics(facts: Facts, pictures: Collection[str]) -> str:
    rows = [
        ("videos", number(facts.videos)),
        ("clips", number(facts.clips)),
        ("with text", number(facts.captioned)),
        ("frames", number(facts.frames)),
        ("duration", duration(facts.hours)),
        ("sign languages", number(len(facts.languages))),
        ("channels", number(facts.channels) if facts.channels else "not recorded"),
    ]
    parts = ["## Statistics", "", table(("content", "number"), rows, numbers=1)]
    if facts.languages:
        parts += ["", "By sign language, the most hours first:", "", _language_table(facts)]
    if LANGUAGES_PICTURE in pictures:
        alt = f"For each of {counted(len(facts.languages), 'language')}: videos, clips and hours; kinds of caption; "
        alt += "confidence of body, face and hands"
        parts += ["", f"![{alt}]({LANGUAGES_PICTURE})"]
    if facts.captions:
        kinds = ", ".join(f"{count:,} {word(kind)}" for kind, count in facts.captions.items())
        parts += ["", f"Captions, in clips by kind: {kinds}."]
    if facts.text_languages:
        parts += [f"Languages of the texts: {', '.join(f'{word(k)} {v:,}' for k, v in facts.text_languages.items())}."]
    for name, shares in facts.splits.items():
        counts = ", ".join(f"{word(part)} {count:,}" for part, count in shares.items())
        parts += [f"Split {quoted(name)} of the lake, in videos: {counts}."]
    parts += ["", f"All figures are in `{STATISTICS}`, for programs." if facts.kind != "lake" else ""]
    return "\n".join(parts).strip()


def _language_table(facts: Facts) -> str:
    small = facts.hours < 2
    channels = any(row.get("largest_channel") for row in facts.languages)
    head = ["language", "code", "videos", "clips", "minutes" if small else "hours", "share %", "translated %"]
    head += ["hands seen", *(["largest channel %"] if channels else [])]
    rows = []
    for row in facts.languages:
        share = row.get("largest_channel_percent")
        cells = [
            language_name(row["sign_language"]),
            word(row["sign_language"]),
            number(row["videos"]),
            number(row["clips"]),
            number(row["hours"] * 60, 2) if small else number(row["hours"], 1),
            number(row["share_percent"], 1),
            number(100 * row["translated"] / row["clips"]) if row["clips"] else "",
            number(row["hands_seen"], 2),
        ]
        rows.append([*cells, *([number(share)] if channels else [])])
    said = "*translated*: clips whose text a machine translated. *hands seen*: share of frames with both hands."
    if channels:
        said += " *largest channel*: its share of the language's hours; empty where channels are not recorded."
    return f"{table(head, rows, numbers=len(head) - 2)}\n\n{said}"


def _provenance(facts: Facts) -> str:
    origin = {"video": "extracted from video files", "shard": "imported from released tars"}
    lines = [f"{counted(count, 'video')} {origin.get(kind, quoted(kind))}" for kind, count in facts.origins.items()]
    for row in facts.models:
        if row.get("pose_model") or row.get("detector"):
            models = [
                f"{quoted(row[name])} (sha256 {quoted(row[sums] or 'unknown')})"
                for name, sums in (("detector", "detector_sha256"), ("pose_model", "pose_sha256"))
                if row.get(name)
            ]
            lines.append(f"{counted(row['videos'], 'video')} by {' and '.join(models)}")
        else:
            lines.append(f"Models not named by the source: {counted(row['videos'], 'video')}")
    versions = ", ".join(f"{quoted(name)} ({count:,})" for name, count in facts.writer_versions.items())
    lines.append(
        f"Rows written by signverse-lake {versions or 'of an unknown version'}; exported by {quoted(facts.made_by)}"
    )
    if facts.lake_version >= 0:
        day = f", last filled on {word(facts.last_ingested)}" if facts.last_ingested else ""
        lines.append(f"Version {facts.lake_version} of the lake{day}")
    lines += [f"Fetched from {quoted(name)}: {counted(count, 'video')}" for name, count in facts.sources.items()]
    if facts.shards:
        names = [f"{quoted(_within(name, facts))} ({count:,})" for name, count in list(facts.shards.items())[:10]]
        more = len(facts.shards) - 10
        lines.append(f"Source tars, with their videos: {', '.join(names)}{f' and {more} more' if more > 0 else ''}")
    parts = ["## Provenance", "", _list(lines)]
    if facts.selection:
        parts += ["", "What went in was chosen by:", "", code("\n".join(map(plain, facts.selection)), "text")]
    elif facts.lake_version >= 0:
        parts += ["", "All that the lake had went in."]
    parts += ["", "Steps:", "", "\n".join(f"{i}. {step}" for i, step in enumerate(processing(), 1))]
    if facts.origins.get("shard"):
        parts += ["", "For videos from released tars those who released these took the first three steps."]
    if facts.repairs:
        parts += ["", "Repairs, in videos:", "", _list([f"{quoted(k)}: {v:,}" for k, v in facts.repairs.items()])]
    return "\n".join(parts)


def _within(shard: str, facts: Facts) -> str:
    """A tar's path in the source that is listed with its revision: its whole address is too long for a page."""
    source = next((name for name in facts.sources if shard.startswith(f"{name}/")), "")
    return shard.removeprefix(f"{source}/").partition("#")[0] if source else shard


def _missing(facts: Facts) -> str:
    head = "## Missing videos\n\n"
    if not facts.listed:
        return f"{head}The lake has no list of the videos that were looked for."
    if not facts.missing:
        return f"{head}All {counted(facts.listed, 'video')} that were listed or attempted are in the lake."
    lines = []
    for row in facts.missing:
        reason = f": {quoted(row['reason'])}" if row.get("reason") else ""
        lines.append(f"{counted(row['videos'], 'video')} {quoted(row['outcome'])}{reason}")
    count = sum(row["videos"] for row in facts.missing)
    return (
        f"{head}Of {counted(facts.listed, 'video')} that were listed or attempted, {count:,} are not in the lake, by "
        f"the outcome of the last attempt and its reason:\n\n{_list(lines)}"
    )


def _limitations(facts: Facts) -> str:
    return (
        f"## Limitations\n\n{_list(limitations(facts, quoted))}\n\n### Use\n\n{_list(use_cases())}\n\n"
        f"### Out of scope\n\n{_list(out_of_scope())}"
    )


def _people(facts: Facts) -> str:
    return (
        f"## People, bias and responsible use\n\n### Bias\n\n{_list(biases(facts, quoted))}\n\n"
        f"### Personal information and consent\n\n{_list(personal(facts))}\n\n"
        f"### Synthetic data\n\n{synthetic(facts)[1]}\n\n### Impact\n\n{SOCIAL_IMPACT}\n\n"
        "`croissant.json` says the same for programs (Croissant 1.1 with RAI 1.0)."
    )


def _licence(licence: Stated | None) -> str:
    head = "## Licence\n\n"
    after = (
        "Poses and captions inherit the terms of the videos and the data sets that they come from. SignVerse-2M has "
        "stood under MIT and, later, under CC BY-NC 4.0: the version that you had decides."
    )
    if licence is None:
        return (
            f"{head}Not stated. Without a licence nothing may be assumed: ask where you had the data from.\n\n{after}"
        )
    address = licence.address
    name = licence.spdx or quoted(licence.given)
    return f"{head}{f'[{name}](<{address}>)' if address and licence.spdx else name}.\n\n{after}"


def _citation(facts: Facts, licence: Stated | None, repository: str | None) -> str:
    return (
        "## Citation\n\nCite the data that the poses come from, and this data set with its tag:\n\n"
        + code(citation(facts, repository), "bibtex")
        + "\n\nSignVerse-2M: [arXiv 2605.01720](https://arxiv.org/abs/2605.01720). YouTube-SL-25, from which it chose "
        "its videos: [arXiv 2407.11144](https://arxiv.org/abs/2407.11144). Leave out what your data do not come from."
    )


def citation(facts: Facts, repository: str | None) -> str:
    """The data set as BibTeX."""
    place = repository or PLACE
    key = "".join(letter for letter in place.partition("/")[2] if letter.isalnum()) or "poses"
    return (
        f"@misc{{{key},\n  title = {{{pretty_name(facts)}}},\n  author = {{{place.partition('/')[0]}}},\n"
        f"  year = {{{facts.last_ingested[:4] or 'n.d.'}}},\n  url = {{https://huggingface.co/datasets/{place}}}\n}}"
    )
