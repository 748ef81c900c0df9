"""What README and docs show works: commands run on a lake of the sample, or are at least parsed; Python runs.

A page's snippets run in order, in a folder of the page's own that holds what the pages name: LAKE, TARS, manifest.csv.
"""

from __future__ import annotations

import ast
import contextlib
import importlib.util
import io
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
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
    ("publish",): "needs the hub",
    ("quickstart",): "has a test of its own",
    ("doctor",): "looks at the machine",
    ("explore",): "serves until it is ended; has tests of its own",
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
    (tmp_path / "FOLDER").mkdir()
    (tmp_path / "FOLDER" / "synthASE001.de.vtt").write_text("WEBVTT\n\n00:00.500 --> 00:01.500\nGuten Tag\n")
    shutil.copy(SAMPLE, tmp_path / "TARS" / "Sign_DWPose_NPZ_000001.tar")
    (tmp_path / "manifest.csv").write_text(MANIFEST)
    # In place of the release on the hub: what lies here is read before the hub is asked.
    shutil.copytree(tmp_path / "TARS", tmp_path / "SignerX" / "SignVerse-2M")
    (tmp_path / "signverse_2m_metadata_ori.csv").write_text(
        MANIFEST.partition("\n")[2] + "synthBZS001,asf\nsynthBZS_02,bfi\n"
    )
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


PROMISE = re.compile(
    r"(?:masked )?(?P<dtype>float32)? ?[\[(](?P<sizes>[A-Z\d, ]+)[\])]|(?P<type>polars\.DataFrame|a list)"
)
"""What a comment at the end of a line may say of its values: `float32 [T, 42, 3]`, `(T, 128, 3)`, a type."""


def keeps(value: Any, promise: re.Match[str]) -> bool:
    """Whether a value has the type, the kind of numbers and the sizes that a comment promises; letters are any size."""
    if promise["type"]:
        return isinstance(value, pl.DataFrame if promise["type"] == "polars.DataFrame" else list)
    sizes = [int(size) if size.isdigit() else None for size in promise["sizes"].split(", ")]
    shape = value if isinstance(value, tuple) else tuple(value.shape)
    dtype = str(getattr(value, "dtype", "")).removeprefix("torch.")
    same = len(shape) == len(sizes) and all(size in (None, found) for size, found in zip(sizes, shape, strict=True))
    return same and min(shape) > 0 and dtype == (promise["dtype"] or dtype)


class Promises(ast.NodeTransformer):
    """Has each statement whose line ends with a promise keep it: those of a tuple's items are parted by semicolons."""

    def __init__(self, source: str):
        self.lines = source.splitlines()
        self.found: dict[int, str] = {}

    def checked(self, statement: ast.stmt, value: ast.expr) -> list[ast.stmt]:
        assert statement.end_lineno
        line = statement.end_lineno
        comment = self.lines[line - 1].partition("  # ")[2]
        values = value.elts if isinstance(value, ast.Tuple) else [value]
        checks: list[ast.stmt] = []
        for item, said in zip(values, comment.split("; "), strict=False):
            if PROMISE.match(said):
                self.found[line] = comment
                call = ast.parse(f"_keep({ast.unparse(item)}, {line}, {said!r})").body[0]
                checks.append(ast.fix_missing_locations(ast.copy_location(call, statement)))
        return [statement, *checks]

    def visit_Expr(self, node: ast.Expr) -> list[ast.stmt]:
        return self.checked(node, node.value)

    def visit_Assign(self, node: ast.Assign) -> list[ast.stmt]:
        return self.checked(node, node.targets[0])


def run_python(example: Example) -> None:
    before = example.document.text[: example.start]
    needed = re.findall(r"<!-- needs: (\w+) -->\s*\Z", before)
    if needed and importlib.util.find_spec(needed[0]) is None:
        compile(example.parsed, example.path, "exec")
        return
    source = str(example.parsed).replace("VIDEO_ID", VIDEO_ID)
    promises = Promises(source)
    tree = promises.visit(ast.parse(source))
    reached: set[int] = set()

    def keep(value: Any, line: int, said: str) -> None:
        promise = PROMISE.match(said)
        assert promise and keeps(value, promise), f"line {line} of an example: not {said}: {value!r}"
        reached.add(line)

    example.namespace["_keep"] = keep
    exec(compile(tree, example.path, "exec"), example.namespace)
    assert reached == promises.found.keys(), f"never run: {promises.found}"


SYBIL = Sybil(
    parsers=[
        CodeBlockParser(language="bash", evaluator=run_shell),
        CodeBlockParser(language="python", evaluator=run_python),
    ]
)


def examples_of(page: Path) -> Document:
    return SYBIL.parse(page)


def readme(names: dict[str, Any]) -> None:
    assert set(names["clips"]["sign_language"]) == {"ase"}
    assert (names["clips"]["end_s"] - names["clips"]["start_s"]).min() >= 2


def ask_and_choose(names: dict[str, Any]) -> None:
    assert set(names["clips"]["sign_language"]) == {"ase"}
    assert names["clips"]["right_hand_confidence"].min() >= 0.5


def splits_and_training(names: dict[str, Any]) -> None:
    assert names["state"]["position"] == len(pl.read_parquet("train.parquet")) > 0
    assert isinstance(names["clip"].text, str)
    if "batch" in names:
        points, lengths = names["batch"]["points"], names["batch"]["lengths"]
        assert not points.isnan().any()
        assert points.shape[1] == lengths.max()
        assert len(names["batch"]["text"]) == len(lengths)


def visibility(names: dict[str, Any]) -> None:
    lake = names["lake"]
    assert run(build_app(), ["ingest", "shards", "TARS", "--lake", "LAKE", "--redo", "--language", "ase"]) == 0
    lake.refresh()
    assert 0 < lake.table("segments").collect().height < lake.raw_table("segments").collect().height


def formats(names: dict[str, Any]) -> None:
    assert names["right_hand"].shape[1:] == (21, 2)
    assert np.nanmax(names["right_hand"]) > 1


AFTER: dict[str, Callable[[dict[str, Any]], None]] = {
    "README.md": readme,
    "docs/guides/ask-and-choose.md": ask_and_choose,
    "docs/guides/splits-and-training.md": splits_and_training,
    "docs/how-it-works/visibility.md": visibility,
    "docs/reference/formats.md": formats,
}
"""What must hold of a page's names at its end, beside what its comments promise."""


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_the_commands_and_the_python_of_a_page_run(page: Path, place: Path, capfd: pytest.CaptureFixture[str]) -> None:
    document = examples_of(page)
    for example in document.examples():
        example.evaluate()
    if check := AFTER.get(str(page.relative_to(ROOT))):
        check(document.namespace)


def test_what_comments_promise_is_checked() -> None:
    source = "import numpy as np\nfor size in SIZES:\n    np.zeros((size, 3))  # float32 [T, 3]"

    class Page:
        document = type("Document", (), {"text": ""})
        start, path, parsed = 0, "page", source

    for sizes, message in (([], "never run"), ([2], "not float32")):
        Page.namespace = {"SIZES": sizes}
        with pytest.raises(AssertionError, match=message):
            run_python(Page)  # type: ignore[arg-type]
    Page.parsed = source.replace("3))", "3), np.float32)")
    run_python(Page)  # type: ignore[arg-type]
    Page.parsed = source.replace("3))", "4), np.float32)")
    with pytest.raises(AssertionError, match="not float32"):
        run_python(Page)  # type: ignore[arg-type]


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_no_command_and_no_python_is_wider_than_a_page(page: Path) -> None:
    wide = [line for example in examples_of(page).examples() for line in str(example.parsed).splitlines()]
    assert [line for line in wide if len(line) > 92] == []


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_no_command_is_wider_than_a_terminal(page: Path) -> None:
    shell = re.findall(r"^```bash\n(.*?)^```", page.read_text(encoding="utf-8"), re.M | re.S)
    assert [line for block in shell for line in block.splitlines() if len(line) > 80] == []


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_python_imports_signverse_only(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert not re.search(r"^\s*(?:from|import) (?:signverse\.)?(?:lake|ingest|export)\b", text, re.M)


def test_commands_and_python_are_found_at_all() -> None:
    found = [example for page in PAGES for example in examples_of(page).examples()]
    assert len(found) > 30
    assert signverse.__all__
