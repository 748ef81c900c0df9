"""What commands share: the options that name a lake, ids that begin with a dash, remarks and errors on stderr.

Imported at every start of the command line: nothing heavy here.
"""

from __future__ import annotations

import inspect
import os
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, TextIO

import typer
from typer.core import TyperCommand

from signverse.lake.cli.option_groups import mistyped, one_of, option_group
from signverse.lake.model.untrusted.terminal_text import clean

if TYPE_CHECKING:
    from signverse.lake.lake import Lake
    from signverse.lake.query.output import Output

_LAKE_VARIABLE: Final = "SIGNVERSE_LAKE"
_LAKE: Final = typer.Option(
    "--lake",
    envvar=_LAKE_VARIABLE,
    help="Folder of the lake; to read one, also its address (s3://...).",
    metavar="LAKE",
)
LakeOption = Annotated[Path, _LAKE]
WorkerMemoryOption = Annotated[
    int | None,
    typer.Option(
        "--worker-memory",
        min=256,
        metavar="MB",
        help="Memory that a worker process may take before it is ended (default: what suits the machine).",
    ),
]
OptionalLakeOption = Annotated[Path | None, _LAKE]


class _MissingLakeError(typer.BadParameter):
    """The option --lake is absent where it is needed: says what typer says of options that are always required."""

    def format_message(self) -> str:
        return "Missing option '--lake' (env var: 'SIGNVERSE_LAKE')."


def _opener(lake: Path | None, version: int | None, as_of: str | None) -> Callable[[], Lake]:
    from signverse.lake.model.times import read_time

    time = read_time(as_of) if as_of is not None else None

    def open_lake() -> Lake:
        from signverse.lake.lake import Lake

        if lake is None:
            raise _MissingLakeError("")
        with mistyped():
            return Lake.open(lake, version=version, as_of=time)

    return open_lake


def _open(lake: Path | None, version: int | None, as_of: str | None) -> Lake:
    return _opener(lake, version, as_of)()


_VERSION_OPTIONS: Final = {
    "version": (
        Annotated[
            int | None,
            typer.Option(min=0, metavar="N", help="The lake as it was at this version; `select` says which it read."),
        ],
        None,
    ),
    "as_of": (
        Annotated[
            str | None,
            typer.Option(metavar="TIME", help="The lake as it was at this time (ISO 8601, in UTC by default)."),
        ],
        None,
    ),
}

reading = option_group("opened", {"lake": (LakeOption, inspect.Parameter.empty), **_VERSION_OPTIONS}, _open)
"""Decorates a command with a parameter `opened: Lake`: it takes --lake, --version and --as-of."""

reading_if_needed = option_group("open_lake", {"lake": (OptionalLakeOption, None), **_VERSION_OPTIONS}, _opener)
"""As `reading`, with a parameter `open_lake: Callable[[], Lake]`: for a command that can do without a lake."""

_LakeArgument = Annotated[
    Path | None, typer.Argument(metavar="LAKE", help="Folder of the lake; or name it with --lake.", show_default=False)
]


def _open_named(named: Path | None, lake: Path | None, version: int | None, as_of: str | None) -> Lake:
    # The environment's lake is the one that is meant where none is named.
    if named and lake and str(lake) not in (str(named), os.environ.get(_LAKE_VARIABLE)):
        raise typer.BadParameter(f"two lakes are named, {named} and --lake {lake}: name one")
    return _open(named or lake, version, as_of)


reading_named = option_group(
    "opened", {"named": (_LakeArgument, None), "lake": (OptionalLakeOption, None), **_VERSION_OPTIONS}, _open_named
)
"""As `reading`, for a command that takes the lake as an argument too."""


WideOption = Annotated[
    bool, typer.Option("--wide", help="Print every column of a table in full, however wide the terminal is.")
]

# The formats are spelled out here: the module that writes them imports Polars, which --help should not wait for.
FormatOption = Annotated[
    str | None,
    typer.Option(
        "--format",
        metavar="table|csv|json|parquet",
        callback=one_of("table", "csv", "json", "parquet"),
        help="Format of the rows (default: that of the file name, or a table).",
    ),
]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Show what would be done, and change nothing.")]
OutOption = Annotated[Path | None, typer.Option("-o", "--output", metavar="FILE", help="Write to a file.")]


def _make_output(format: str | None, output: Path | None, wide: bool) -> Output:
    from signverse.lake.query.output import Format, Output, pick_format

    return Output(pick_format(Format(format) if format else None, output), output, wide, say)


writing_rows = option_group(
    "rows_to",
    {"wide": (WideOption, False), "format": (FormatOption, None), "output": (OutOption, None)},
    _make_output,
)
"""Decorates a command with a parameter `rows_to: Output`: it takes --wide, --format and -o."""


_quiet = False


def set_quiet(quiet: bool) -> None:
    """Turns remarks off for the rest of the command line if --quiet is given, in any place."""
    global _quiet
    _quiet = _quiet or quiet


def take_storage_options(options: list[str] | None) -> None:
    """Takes what --storage-option gives, in any place of the command line."""
    if options:
        from signverse.lake.storage.stores.options import take_options

        take_options(options)


def reset_quiet() -> None:
    """Turns remarks on, at the start of a command line."""
    global _quiet
    _quiet = False


def is_quiet() -> bool:
    """Whether --quiet is given."""
    return _quiet


def say(*lines: str) -> None:
    """Writes remarks to stderr, as stdout carries results only; nothing with --quiet."""
    if not _quiet:
        complain(*lines)


def complain(*lines: str) -> None:
    """Writes to stderr what went wrong, with --quiet too.

    What names and texts from outside say to the terminal is escaped, a line break too: each argument is one line.
    """
    sys.stderr.write(_lines(lines))


def show(*lines: str) -> None:
    """Writes lines to stdout: results that are not rows. What is from outside is escaped as by `complain`."""
    sys.stdout.write(_lines(lines))
    sys.stdout.flush()


def show_json(text: str) -> None:
    """Writes JSON to stdout; on a terminal, what one would obey is escaped as JSON has it."""
    from signverse.lake.query.output import json_for_terminal

    sys.stdout.write(f"{json_for_terminal(text) if sys.stdout.isatty() else text}\n")


def _lines(lines: Sequence[str]) -> str:
    return "".join(clean(line, keep="\t") + "\n" for line in lines)


class CleanStream:
    """A text stream that cleans what is written to it, several lines at once too.

    In the place of stderr it is for what others write there: typer what was typed wrongly, which a folder's `*` may
    have typed, and libraries their warnings.
    """

    def __init__(self, stream: TextIO) -> None:
        self.rich_proxied_file = stream
        """Where rich writes, past this: a bar consists of commands to the terminal."""

    def write(self, text: str) -> int:
        self.rich_proxied_file.write(clean(text, keep="\n\t"))
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.rich_proxied_file, name)


class VideoIdCommand(TyperCommand):
    """A command that takes a video id as it is, also one that begins with a dash: 600 of the manifest's do.

    A word that begins with a dash and is not an option of the command is taken as the id, as if `--` came before it.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        takes_value = {
            name: not getattr(option, "is_flag", False)
            for option in self.get_params(ctx)
            if option.param_type_name == "option"
            for name in (*option.opts, *option.secondary_opts)
        }
        options: list[str] = []
        ids: list[str] = []
        rest = iter(args)
        for word in rest:
            if word == "--":
                ids += rest
            elif not word.startswith("-") or word == "-":
                ids.append(word)
            elif word in takes_value:
                options.append(word)
                if takes_value[word]:
                    value = next(rest, None)
                    if value is None:
                        # typer reports that the option lacks its value.
                        return super().parse_args(ctx, args)
                    options.append(value)
            elif word.split("=", 1)[0] in takes_value and word.startswith("--") and "=" in word:
                options.append(word)
            elif word[:2] in takes_value and not _YOUTUBE_ID.fullmatch(word):
                # An option with its value attached: -oclip.npy
                options.append(word)
            else:
                ids.append(word)
        return super().parse_args(ctx, [*options, "--", *ids])


_YOUTUBE_ID = re.compile(r"[A-Za-z0-9_-]{11}")
