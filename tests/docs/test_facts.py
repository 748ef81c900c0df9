"""What handwritten pages list is what the code has: benchmarks, reasons, repairs, messages."""

from __future__ import annotations

import csv
import inspect
import re
from pathlib import Path

from bench.__main__ import BENCHMARKS
from signverse.ingest.acquire.download.outcomes import KINDS
from signverse.ingest.videos.run import describe_failure, failure_reason
from signverse.lake.upkeep.absence import TAKEN_OUT

ROOT = Path(__file__).parents[2]
SOURCES = [path for room in ("lake", "ingest", "export") for path in sorted((ROOT / room).rglob("*.py"))]
CODE = "\n".join(path.read_text(encoding="utf-8") for path in SOURCES)


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def test_every_benchmark_is_on_its_page() -> None:
    text = page("benchmarks.md")
    named = set(re.findall(r"just bench (\w+)`", text)) | set(re.findall(r"^\| `(\w+)` \|", text, re.M))
    assert named == set(BENCHMARKS)


def _extraction_failures() -> set[str]:
    """The reasons that describe_failure() gives: the strings of one word that it returns."""
    words = re.findall(r'"(\w+)"', inspect.getsource(describe_failure) + inspect.getsource(failure_reason))
    return set(words) - {"died", "memory"}


def test_every_reason_why_a_video_is_missing_is_explained() -> None:
    rules = ROOT / "ingest" / "acquire" / "download" / "outcome_rules.csv"
    with rules.open(encoding="utf-8", newline="") as file:
        known = {(row["outcome"], row["reason"]) for row in csv.DictReader(file)}
    made = re.findall(r'"(unavailable|failed)", "(\w+)"(?!:)', CODE)
    made += [("failed", reason) for reason in {*_extraction_failures(), TAKEN_OUT}]
    rows = re.findall(r"^\| `(unavailable|blocked|failed)` \| (.*?) \|", page("troubleshooting.md"), re.M)
    explained = {(outcome, reason) for outcome, reasons in rows for reason in re.findall(r"`(\w+)`", reasons)}
    assert explained == known | {(outcome, reason) for outcome, reason in made if reason not in KINDS}


def test_every_repair_is_explained() -> None:
    shards = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "ingest" / "shards").rglob("*.py"))
    found = set(re.findall(r"repairs(?:\.append\(| ?= ?\[)f?\"(\w+)", shards))
    table = page("reference/formats.md").split("## Published defects")[1]
    assert found
    assert set(re.findall(r"^\| `(\w+)(?::N)?` \|", table, re.M)) == found


def test_messages_of_the_troubleshooting_page_are_those_of_the_code() -> None:
    text = page("troubleshooting.md")
    quoted = [message for part in ("## Lakes", "## Setting up") for message in
              re.findall(r"^\| `([^`]+)` \|", text.split(part)[1].split("\n## ")[0], re.M)]  # fmt: skip
    foreign = {"error: externally-managed-environment", "signverse: command not found", "just: command not found"}
    for message in set(quoted) - foreign:
        for words in filter(str.strip, message.replace("'", "").split("...")):
            assert words.strip(" .") in CODE.replace("'", ""), message
    assert len(quoted) > 8
