"""What README and docs show works: commands run on a lake of the sample, or are at least parsed; Python runs.

A page's snippets run in order, in a folder of the page's own that holds what the pages name: LAKE, TARS, manifest.csv.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sybil import Document, Example, Sybil
from sybil.parsers.markdown import CodeBlockParser
from typer.main import get_command

import signverse
from signverse.command_line import build_app
from signverse.lake.cli.entry import run

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "ingest" / "sample" / "synthetic.tar"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
PAGES = [page for page in PAGES if page.exists()]
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]

VIDEO_ID = "-synthGSG02"

NOT_RUN = {
    ("ingest", "videos"): "needs models",
    ("ingest", "download"): "needs a site",
    ("ingest", "run"): "needs models and a site",
    ("models", "pull"): "needs the hub",
    ("quickstart",): "has a test of its own",
    ("doctor",): "looks at the machine",
}
"""Commands that are parsed only."""

MANIFEST = "video_id,sign_language\nsynthASE001,ase\n-synthGSG02,gsg\n"
CHANNELS = "video_id,channel\nsynthASE001,One\n-synthGSG02,Two\n"


@pytest.fixture(scope="session")
def sample_lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake of the sample in two commits, with a split, for all pages to copy."""
    folder = tmp_path_factory.mktemp("pages") / "LAKE"
    for words in (
        ["ingest", "shards", str(SAMPLE), "--lake", str(folder), "--language", "ase"],
        ["ingest", "shards", str(SAMPLE), "--lake", str(folder)],
    ):
        assert run(build_app(), words) == 0
    return folder


@pytest.fixture
def place(tmp_path: Path, sample_lake: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which a page's snippets run."""
    shutil.copytree(sample_lake, tmp_path / "LAKE")
    (tmp_path / "TARS").mkdir()
    (tmp_path / "MEDIA").mkdir()
    shutil.copy(SAMPLE, tmp_path / "TARS" / "Sign_DWPose_NPZ_000001.tar")
    (tmp_path / "manifest.csv").write_text(MANIFEST)
    (tmp_path / "channels.csv").write_text(CHANNELS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    return tmp_path


def commands_of(block: str) -> Iterator[list[str]]:
    """The words of each command of a shell block."""
    pending = ""
    for line in block.replace("\\\n", " ").splitlines():
        pending += line
        try:
            words = shlex.split(pending, comments=True)
        except ValueError:
            # A quotation goes on in the next line.
            pending += "\n"
            continue
        pending = ""
        if words:
            yield words
    assert not pending, f"a quotation does not end: {pending}"


def signverse_words(words: list[str]) -> list[str] | None:
    """What follows `signverse`; None for another program."""
    words = words[2:] if words[:2] == ["uv", "run"] else words
    return words[1:] if words[0] == "signverse" else None


def parse(words: list[str]) -> tuple[str, ...]:
    """Looks whether the command line would be taken; gives the path of the command."""
    command: Any = get_command(build_app())
    path: list[str] = []
    rest = list(words)
    while hasattr(command, "commands") and rest and not rest[0].startswith("-"):
        path.append(rest.pop(0))
        assert path[-1] in command.commands, f"no command {' '.join(path)}"
        command = command.commands[path[-1]]
    if not hasattr(command, "commands"):
        # Parsing refuses unknown options and missing arguments; nothing is run.
        command.make_context(path[-1], rest)
    return tuple(path)


def run_shell(example: Example) -> None:
    block = str(example.parsed)
    for words in commands_of(block):
        ours = signverse_words(words)
        if ours is None:
            # git, pip, uv: a page may not have a typing error that a shell would refuse.
            subprocess.run(["bash", "-n"], input=shlex.join(words), text=True, check=True)
            continue
        ours = [word.replace("VIDEO_ID", VIDEO_ID) for word in ours]
        path = parse(ours)
        prompt = path == ("sql",) and len(ours) == 3
        if path in NOT_RUN or prompt or "--watch" in ours or "--help" in ours:
            continue
        out, errors = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
            code = run(build_app(), ours)
        assert code == 0, f"signverse {shlex.join(ours)}: {errors.buffer.getvalue().decode()}"


def run_python(example: Example) -> None:
    before = example.document.text[: example.start]
    needed = re.findall(r"<!-- needs: (\w+) -->\s*\Z", before)
    if needed and importlib.util.find_spec(needed[0]) is None:
        compile(example.parsed, example.path, "exec")
        return
    source = str(example.parsed).replace("VIDEO_ID", VIDEO_ID)
    exec(compile(source, example.path, "exec"), example.namespace)


SYBIL = Sybil(
    parsers=[
        CodeBlockParser(language="bash", evaluator=run_shell),
        CodeBlockParser(language="python", evaluator=run_python),
    ]
)


def examples_of(page: Path) -> Document:
    return SYBIL.parse(page)


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_the_commands_and_the_python_of_a_page_run(page: Path, place: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for example in examples_of(page).examples():
        example.evaluate()


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_no_command_and_no_python_is_wider_than_a_page(page: Path) -> None:
    wide = [line for example in examples_of(page).examples() for line in str(example.parsed).splitlines()]
    assert [line for line in wide if len(line) > 92] == []


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_python_imports_signverse_only(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert not re.search(r"^\s*(?:from|import) (?:signverse\.)?(?:lake|ingest|export)\b", text, re.M)


def test_commands_and_python_are_found_at_all() -> None:
    found = [example for page in PAGES for example in examples_of(page).examples()]
    assert len(found) > 30
    assert signverse.__all__
