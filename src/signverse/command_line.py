"""The command `signverse`: puts the commands of all packages together and runs one.

It holds no logic. Heavy libraries are imported where they are used, so that `--help` answers at once.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

import signverse.export.cli.commands
import signverse.export.cli.sources
import signverse.ingest.cli.acquisition.commands
import signverse.ingest.cli.commands
import signverse.lake.cli.info
import signverse.lake.cli.maintain
import signverse.lake.cli.query
import signverse.lake.cli.repair
import signverse.lake.cli.split
from signverse.lake.cli.entry import run
from signverse.lake.cli.groups import SectionedGroup
from signverse.lake.cli.shared import set_quiet, show, take_storage_options

if TYPE_CHECKING:
    from signverse.lake.lake import Lake

HELP_OPTIONS: Final = ["-h", "--help"]


class Commands(SectionedGroup):
    """The commands as `--help` lists them: by what people do."""

    sections = {  # noqa: RUF012 (never changed)
        "Get data in": ("quickstart", "ingest", "fetch", "inspect", "models"),
        "Ask": ("info", "stats", "sql", "status", "explore"),
        "Choose": ("select", "split", "keypoints", "picture", "video"),
        "Export": ("export", "publish"),
        "Keep": ("verify", "repair", "maintain", "forget", "doctor"),
    }


def _read_released(path: Path, video_id: str | None, folder: Path) -> tuple[Lake, str]:
    """Ingestion reads what pictures are drawn of; the two packages do not know each other."""
    from signverse.ingest.inspection.as_lake import released_as_lake

    return released_as_lake(path, video_id, folder)


def build_app() -> typer.Typer:
    """The command line with the commands of all packages."""
    app = typer.Typer(
        name="signverse",
        cls=Commands,
        context_settings={"help_option_names": HELP_OPTIONS},
        help="A lakehouse for sign-language poses: videos in, Delta tables, SQL, release shards out.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        # Help drawn by rich takes 0.3 s to import.
        rich_markup_mode=None,
    )
    app.callback()(_options)
    for package in (
        signverse.ingest.cli.commands,
        signverse.ingest.cli.acquisition.commands,
        signverse.lake.cli.info,
        signverse.lake.cli.query,
        signverse.lake.cli.maintain,
        signverse.lake.cli.repair,
        signverse.lake.cli.split,
        signverse.export.cli.commands,
    ):
        package.mount(app)
    signverse.export.cli.sources.read_released_with(_read_released)
    return app


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        show(f"signverse-lake {version('signverse-lake')}")
        raise typer.Exit


def _options(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_show_version, help="Print the version.")
    ] = False,
    quiet: Annotated[
        bool,
        typer.Option(
            "--quiet",
            "-q",
            expose_value=False,
            callback=set_quiet,
            help="No remarks and no progress bars, errors only.",
        ),
    ] = False,
    storage_option: Annotated[
        list[str] | None,
        typer.Option(
            "--storage-option",
            expose_value=False,
            callback=take_storage_options,
            metavar="KEY=VALUE",
            help="For a lake in a store, such as AWS_ENDPOINT_URL=https://...; as in the environment.",
        ),
    ] = None,
) -> None:
    """What stands before a command."""


def main(arguments: list[str] | None = None) -> None:
    """Runs a command line and exits with the code of `signverse.lake.cli.entry.run`."""
    sys.exit(run(build_app(), sys.argv[1:] if arguments is None else arguments))
