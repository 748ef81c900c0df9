"""What a user imports comes from `signverse`, is typed and explained, and costs nothing until it is used."""

from __future__ import annotations

import ast
import inspect
import json
import re
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

import signverse

ROOT = Path(__file__).parents[1]


def source(module: str) -> ast.Module:
    """The syntax tree of a module of ours."""
    path = ROOT / "src" / Path(*module.split("."))
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return ast.parse(path.read_text(encoding="utf-8"))


def public_names() -> dict[str, tuple[str, str]]:
    """The public names, with the module that each is of and its name there, as type checkers see them."""
    tree = source("signverse")
    found = {"open": ("signverse", "open")}
    for block in tree.body:
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING":
            for line in block.body:
                assert isinstance(line, ast.ImportFrom)
                assert line.module
                found |= {alias.asname or alias.name: (line.module, alias.name) for alias in line.names}
    return found


def docstring(module: str, name: str) -> str | None:
    """The docstring of a class, function or constant; of a constant it is the text after it."""
    body = source(module).body
    for place, node in enumerate(body):
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == name:
            return ast.get_docstring(node)
        targets = [node.target] if isinstance(node, ast.AnnAssign) else getattr(node, "targets", [])
        if any(isinstance(target, ast.Name) and target.id == name for target in targets):
            after = body[place + 1] if place + 1 < len(body) else None
            text = after.value if isinstance(after, ast.Expr) else None
            return text.value if isinstance(text, ast.Constant) and isinstance(text.value, str) else None
    return None


def test_type_checkers_and_python_see_the_same_names() -> None:
    assert sorted(signverse.__all__) == sorted(public_names())
    assert dir(signverse) == sorted(signverse.__all__)
    for name, (module, there) in public_names().items():
        assert getattr(signverse, name) is getattr(sys.modules[module], there), name


@pytest.mark.parametrize("name", signverse.__all__)
def test_every_public_name_is_explained(name: str) -> None:
    assert docstring(*public_names()[name]), f"{name} has no docstring"


def own_classes(module: str) -> set[str]:
    """The classes of ours that a module defines or imports, by their names there."""
    found = set()
    for node in ast.walk(source(module)):
        if isinstance(node, ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("signverse."):
            there = {other.name for other in source(node.module or "").body if isinstance(other, ast.ClassDef)}
            found |= {alias.asname or alias.name for alias in node.names if alias.name in there}
    return found


def test_what_public_signatures_name_is_public() -> None:
    named: dict[str, set[str]] = {}
    for public, (module, there) in public_names().items():
        for node in source(module).body:
            if not isinstance(node, ast.ClassDef | ast.FunctionDef) or node.name != there:
                continue
            for function in [node] if isinstance(node, ast.FunctionDef) else node.body:
                if isinstance(function, ast.FunctionDef) and not re.match("_(?!_enter__|_iter__)", function.name):
                    arguments = function.args
                    hints = [argument.annotation for argument in (*arguments.args, *arguments.kwonlyargs)]
                    words = " ".join(ast.unparse(hint) for hint in (*hints, function.returns) if hint)
                    for word in own_classes(module) & set(re.findall(r"\w+", words)) - set(signverse.__all__):
                        named.setdefault(word, set()).add(f"{public}.{function.name}")
    # Selection.conditions is for the engines that select.
    assert set(named) <= {"Condition"}, named


def test_an_unknown_name_is_an_error_that_says_so() -> None:
    with pytest.raises(AttributeError, match="module 'signverse' has no attribute 'opne'"):
        signverse.opne  # type: ignore[attr-defined]  # noqa: B018


def test_importing_all_names_works() -> None:
    code = "from signverse import *\nimport json\nprint(json.dumps(sorted(n for n in dir() if not n.startswith('__'))))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd="/", check=True)
    assert json.loads(ran.stdout) == sorted([*signverse.__all__, "json"])


def test_importing_signverse_loads_two_modules_of_ours_at_most() -> None:
    code = "import sys; before = set(sys.modules); import signverse; print(*sorted(set(sys.modules) - before))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd="/", check=True)
    loaded = ran.stdout.split()
    assert [name for name in loaded if name.startswith("signverse")] == ["signverse"]
    assert not {"typer", "numpy", "polars", "duckdb", "pyarrow", "deltalake", "torch", "rich"} & set(loaded)


def test_opening_takes_a_version_or_a_time() -> None:
    parameters = inspect.signature(signverse.open).parameters
    assert list(parameters) == ["path", "version", "as_of"]
    assert list(parameters)[1:] == list(inspect.signature(signverse.Lake.open).parameters)[1:]


SCRIPT = """
from datetime import UTC, datetime

import signverse
from signverse import BadInputError, Clip, Selection, collate

lake = signverse.open("LAKE", as_of=datetime(2026, 11, 22, tzinfo=UTC))
reveal_type(lake)
reveal_type(lake.clips(languages=["ase"], min_confidence={"right_hand": 0.5}))
selection = Selection(languages=("ase",), min_duration=2.0)
reveal_type(lake.select(selection))
points = lake.keypoints("video_id", start_frame=0, end_frame=100)
reveal_type(points)
reveal_type(points[:, signverse.joint_index("right_wrist"), :2])
reveal_type(signverse.resolve_language("Polish"))
reveal_type(signverse.languages()[0].name)
reveal_type(signverse.JOINTS[0])
fps: float = signverse.FPS
with lake.read_clips(selection) as reader:
    for clip in reader:
        reveal_type(clip.points.mean())
        one: Clip = clip
reveal_type(lake.torch_dataset(selection))
reveal_type(lake.torch_dataset(selection, map_style=True, parts=["face"], fill=0.0))
try:
    lake.video("nobody")
except BadInputError as error:
    reveal_type(error.hint)
"""

REVEALED = [
    "signverse.lake.lake.Lake",
    "polars.lazyframe.frame.LazyFrame",
    "polars.lazyframe.frame.LazyFrame",
    "numpy.ndarray",
    "numpy.ndarray",
    "str",
    "str",
    "str",
    "Any",
    "signverse.lake.clips.torch_dataset.ClipStream",
    "signverse.lake.clips.torch_dataset.ClipDataset",
    "str",
]


@pytest.mark.slow
def test_a_users_script_is_checked_strictly(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    command = [sys.executable, "-m", "mypy", "--strict", "--no-incremental", "--cache-dir", str(tmp_path), "script.py"]
    ran = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert ran.returncode == 0, ran.stdout
    # Without the parameters of arrays, which numpy writes in a new way now and then.
    assert re.findall(r'Revealed type is "([\w.]+)', ran.stdout) == REVEALED


@pytest.mark.slow
def test_a_misspelt_name_does_not_pass_the_type_checker(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text("import signverse\n\nsignverse.opne('LAKE')\n")
    command = [sys.executable, "-m", "mypy", "--strict", "--no-incremental", "--cache-dir", str(tmp_path), "script.py"]
    ran = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert 'Module has no attribute "opne"' in ran.stdout


def pages() -> list[Path]:
    return [path for path in (ROOT / "README.md", *(ROOT / "docs").rglob("*.md")) if path.exists()]


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_no_page_imports_what_is_not_public(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert re.findall(r"(?m)^\s*(?:from|import) (?:signverse\.)?(?:lake|ingest|export)\b.*", text) == []
    for names in re.findall(r"from signverse import ([^\n(]+|\([^)]*\))", text):
        assert set(re.findall(r"\w+", names)) <= set(signverse.__all__), names


def test_no_help_imports_what_is_not_public() -> None:
    from typer.main import get_command

    from signverse.command_line import build_app

    def texts(command: Any) -> list[str]:
        found = [command.help or ""]
        for child in getattr(command, "commands", {}).values():
            found += texts(child)
        return found

    assert "signverse.lake" not in textwrap.dedent("\n".join(texts(get_command(build_app()))))
