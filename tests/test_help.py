"""Every command explains itself, and at once."""

from __future__ import annotations

import json
import os
import pty
import re
import shlex
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from signverse.command_line import build_app
from signverse.lake.cli.entry import run

ROOT = Path(__file__).parents[1]

HEAVY = (
    "onnxruntime",
    "av",
    "cv2",
    "yt_dlp",
    "polars",
    "duckdb",
    "pyarrow",
    "numpy",
    "deltalake",
    "huggingface_hub",
    "matplotlib",
)


def below(command: Any, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Any]]:
    """A command and all its subcommands."""
    found = [(path, command)]
    for name, child in getattr(command, "commands", {}).items():
        found += below(child, (*path, name))
    return found


COMMANDS = {" ".join(path): (path, command) for path, command in below(get_command(build_app()))}


def test_the_commands_are_found() -> None:
    assert {"ingest videos", "ingest shards", "export shards", "verify", "sql", "select", "doctor"} <= COMMANDS.keys()


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_answers_help(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    path, command = COMMANDS[name]
    assert run(build_app(), [*path, "--help"]) == 0
    out, errors = capfd.readouterr()
    assert errors == ""
    assert out.startswith(f"Usage: {' '.join(['signverse', *path])} ")
    assert command.help
    assert len(command.help) > 10


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_and_argument_is_explained(name: str) -> None:
    _, command = COMMANDS[name]
    bare = [parameter.name for parameter in command.params if not getattr(parameter, "help", None)]
    assert bare == []


@pytest.mark.parametrize("name", [name for name in COMMANDS if hasattr(COMMANDS[name][1], "commands")])
def test_a_group_without_a_command_shows_its_help_and_an_unknown_one_is_an_error(
    name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    path, _ = COMMANDS[name]
    assert run(build_app(), list(path)) in {0, 2}
    assert ("Commands:" if path else "Get data in:") in "".join(capfd.readouterr())
    assert run(build_app(), [*path, "nonsense"]) == 2
    assert "nonsense" in capfd.readouterr().err


LOADED = "\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"


def loaded_after(code: str) -> set[str]:
    """The packages and modules that a fresh interpreter has loaded after running the code."""
    ran = subprocess.run([sys.executable, "-c", code + LOADED], capture_output=True, text=True, cwd=ROOT, check=True)
    return set(json.loads(ran.stdout.splitlines()[-1]))


def test_importing_the_package_loads_nothing_heavy() -> None:
    loaded = loaded_after("import signverse")
    assert "signverse" in loaded
    assert loaded.isdisjoint(HEAVY)


def test_help_of_every_command_loads_nothing_heavy() -> None:
    code = "from signverse.lake.cli.entry import run\nfrom signverse.command_line import build_app\n"
    code += (
        f"for path in {[path for path, _ in COMMANDS.values()]}:\n    assert run(build_app(), [*path, '--help']) == 0"
    )
    loaded = loaded_after(code)
    assert {"signverse.ingest", "signverse.export", "signverse.lake", "typer"} <= loaded
    assert loaded.isdisjoint(HEAVY)


def test_the_program_itself_answers_help() -> None:
    ran = subprocess.run([sys.executable, "-m", "signverse", "--help"], capture_output=True, text=True, cwd=ROOT)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.startswith("Usage: signverse ")


LEAVES = {name: found for name, found in COMMANDS.items() if not hasattr(found[1], "commands")}


def test_every_command_that_prints_rows_takes_wide() -> None:
    """The line below a table that was cut names it."""
    options = {name: {flag for one in found[1].params for flag in one.opts} for name, found in LEAVES.items()}
    assert [name for name, flags in options.items() if "--format" in flags and "--wide" not in flags] == []


def test_every_command_with_workers_takes_limits_for_them() -> None:
    options = {name: {flag for one in found[1].params for flag in one.opts} for name, found in LEAVES.items()}
    with_workers = {name for name, flags in options.items() if flags & {"--workers", "--parallel"}}
    assert "ingest download" in with_workers and "export pose" in with_workers
    assert [name for name in with_workers if not {"--worker-memory", "--stalled-after"} <= options[name]] == []


SEVERAL_MEANINGS = {
    "--captions": "tracks to download, or whether they are written into a picture",
    "--format": "of rows, or of the status",
    "--frames": "all or those of clips in a shard, or numbers of frames",
    "--limit": "clips, or videos of a download",
    "--out": "an export, the folder of quickstart, or of a card",
    "--output": "rows, or one array, picture or video in one format",
    "--redo": "a condition is for videos that are extracted again",
    "--selection": "what all is: videos or clips",
    "--version": "of the program, or of the lake",
    "--workers": "what they do",
}
"""Options that have two meanings, and why."""


def test_an_option_has_the_same_words_in_every_command() -> None:
    meanings: dict[str, set[tuple[Any, Any]]] = defaultdict(set)
    for _, command in COMMANDS.values():
        for parameter in command.params:
            if parameter.param_type_name == "option":
                for name in parameter.opts:
                    if name.startswith("--"):
                        meanings[name].add((parameter.metavar, parameter.help))
    assert {name: found for name, found in meanings.items() if len(found) > 1 and name not in SEVERAL_MEANINGS} == {}
    assert {name for name in SEVERAL_MEANINGS if len(meanings[name]) < 2} == set()


@pytest.mark.parametrize("name", LEAVES)
def test_every_command_has_two_examples_that_fit_and_parse(
    name: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    path, command = LEAVES[name]
    assert run(build_app(), [*path, "--help"]) == 0
    assert [line for line in capfd.readouterr().out.splitlines() if len(line) > 80] == []
    examples = [line for line in command.help.splitlines() if line.startswith("signverse ")]
    assert len(examples) >= 2
    for example in examples:
        words = shlex.split(example)[1:]
        found: Any = get_command(build_app())
        while hasattr(found, "commands"):
            found = found.commands[words.pop(0)]
        # Refuses unknown options and missing arguments; nothing is run.
        found.make_context(name, words)


@pytest.mark.parametrize("name", [name for name in COMMANDS if name not in LEAVES])
def test_no_summary_is_cut_off_at_80_columns(
    name: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    path, group = COMMANDS[name]
    assert run(build_app(), [*path, "--help"]) == 0
    listed = capfd.readouterr().out.split("Show this message and exit.")[1]
    assert "..." not in listed
    assert set(re.findall(r"(?m)^  (\S+)", listed)) == set(group.commands)


def test_the_commands_stand_in_sections_by_what_people_do(capfd: pytest.CaptureFixture[str]) -> None:
    run(build_app(), ["-h"])
    out = capfd.readouterr().out
    assert re.findall(r"(?m)^(\S.*):$", out) == ["Options", "Get data in", "Ask", "Choose", "Export", "Keep"]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("--lake LAKE stats languages", "--lake comes after the command: signverse stats languages --lake LAKE"),
        ("--lake=LAKE stats", "--lake comes after the command: signverse stats --lake=LAKE"),
        ("-q --captioned select", "--captioned comes after the command: signverse -q select --captioned"),
        ("--lake LAKE ingest videos DIR", "--lake comes after the command: signverse ingest videos DIR --lake LAKE"),
        ("ingest --lake LAKE videos DIR", "--lake comes after the command: signverse ingest videos DIR --lake LAKE"),
        ("--nonsense stats", "No such option: --nonsense"),
        ("--plot a.png select", "No such option: --plot"),
        ("slect --lake LAKE", "Did you mean 'select'"),
        ("export shard --lake LAKE", "Did you mean 'shards'?"),
    ],
)
def test_what_is_typed_wrongly_is_answered_with_what_was_meant(
    typed: str, meant: str, signverse: Callable[..., tuple[int, str, str]]
) -> None:
    code, out, errors = signverse(*typed.split())
    assert (code, out) == (2, "")
    assert meant in errors


SAMPLE = ROOT / "ingest" / "sample" / "synthetic.tar"


@pytest.mark.parametrize("before", [True, False])
def test_quiet_leaves_out_remarks_but_not_errors(
    before: bool, tmp_path: Path, signverse: Callable[..., tuple[int, str, str]]
) -> None:
    def quiet(*words: object) -> tuple[int, str, str]:
        return signverse("--quiet", *words) if before else signverse(*words, "-q")

    lake = tmp_path / "lake"
    assert quiet("ingest", "shards", SAMPLE, "--lake", lake) == (0, "", "")
    code, out, errors = quiet("select", "--lake", lake)
    assert (code, errors) == (0, "")
    assert "segment_id" in out
    assert quiet("export", "shards", "--lake", lake, "--out", tmp_path / "out") == (0, "", "")
    assert quiet("maintain", "--lake", lake) == (0, "", "")
    code, _, errors = quiet("select", "--lake", tmp_path / "none")
    assert code == 1
    assert "there is no lake" in errors
    # The next command line speaks again.
    assert signverse("verify", lake)[2] != ""


def on_a_terminal(*words: object, **env: str) -> str:
    """What a command writes where stdout and stderr are a terminal."""
    ours, its = pty.openpty()
    command = [sys.executable, "-m", "signverse", *map(str, words)]
    environment = {**os.environ, "TERM": "xterm-256color", **env}
    with subprocess.Popen(command, stdout=its, stderr=its, stdin=its, env=environment) as process:
        os.close(its)
        written = b""
        # Reading ends in an error where the other end is closed.
        while process.poll() is None or written[-1:] != b"":
            try:
                piece = os.read(ours, 65536)
            except OSError:
                break
            if not piece:
                break
            written += piece
    os.close(ours)
    assert process.returncode == 0, written
    return written.decode()


COLOUR = re.compile(r"\x1b\[(?:\d+;)*(?:3[0-8]|4[0-8]|9\d)(?:;\d+)*m")


@pytest.mark.slow
def test_no_color_is_honoured_on_a_terminal(tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    commands: list[tuple[object, ...]] = [
        ("ingest", "shards", SAMPLE, "--lake", lake),
        ("status", "--lake", lake),
        ("stats", "languages", "--lake", lake),
        ("export", "shards", "--lake", lake, "--out", tmp_path / "out"),
    ]
    for words in commands:
        assert not COLOUR.search(on_a_terminal(*words, NO_COLOR="1")), words
    # With colours the bar of an export has some: the test would see them.
    assert COLOUR.search(on_a_terminal("export", "shards", "--lake", lake, "--out", tmp_path / "out2"))
    assert on_a_terminal("export", "shards", "--lake", lake, "--out", tmp_path / "out3", "--quiet") == ""


def completed(shell: str, line: str) -> str:
    """What the completion of a shell offers at the end of a line."""
    env = {**os.environ, "_SIGNVERSE_COMPLETE": f"complete_{shell}"}
    words = line.split(" ")
    env |= {"COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    env |= {"_TYPER_COMPLETE_ARGS": line, "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    code = "import sys\nfrom signverse.command_line import main\ntry:\n    main([])\nfinally:\n    "
    code += f"assert not set({HEAVY!r}) & set(sys.modules)"
    return subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True).stdout


@pytest.mark.slow
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_complete_commands_and_options(shell: str) -> None:
    commands = completed(shell, "signverse sta")
    assert "stats" in commands and "status" in commands and "select" not in commands
    assert "--lake" in completed(shell, "signverse stats --la")
    assert "shards" in completed(shell, "signverse export s")


@pytest.mark.parametrize(
    ("shell", "file"),
    [
        ("bash", ".bash_completions/signverse.sh"),
        ("zsh", ".zfunc/_signverse"),
        ("fish", ".config/fish/completions/signverse.fish"),
    ],
)
def test_completion_is_installed_for_the_shell_that_is_named(
    signverse, tmp_path: Path, monkeypatch, shell, file
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    code, out, _ = signverse("--install-completion", shell)
    assert (code, out.startswith(f"{shell} completion installed in")) == (0, True)
    assert "complete" in (tmp_path / file).read_text()
    shown = signverse(f"--show-completion={shell}")
    assert (shown[0], shown[1].strip()) == (0, (tmp_path / file).read_text().strip())
    code, _, err = signverse("--install-completion", "tcsh")
    assert (code, "bash, zsh, fish" in err) == (2, True)


def test_bash_takes_the_completion_that_is_shown(tmp_path: Path) -> None:
    (tmp_path / "signverse").symlink_to(Path(sys.executable).with_name("signverse"))
    env = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    shown = 'eval "$(signverse --show-completion)"\n'
    shown += "COMP_WORDS=(signverse stats --la); COMP_CWORD=2\n_signverse_completion signverse\necho ${COMPREPLY[@]}"
    ran = subprocess.run(["bash", "-c", shown], env=env, capture_output=True, text=True, check=True)
    assert ran.stdout == "--lake\n"


def test_a_report_whose_output_is_closed_is_no_crash(tmp_path: Path) -> None:
    command = f"{sys.executable} -m signverse stats >&-"
    ran = subprocess.run(command, shell=True, capture_output=True, text=True, cwd=tmp_path)
    assert (ran.returncode, ran.stderr) == (0, "")
