"""The front door: the `signverse` command, and `import signverse` for notebooks.

    import signverse
    lake = signverse.open("LAKE")
    lake.clips(languages=["ase"], min_confidence={"right_hand": 0.5}).collect()
    lake.keypoints("video_id", start_frame=0, end_frame=100)

It mounts the parts and holds no logic. Heavy libraries are imported where they are used, so that `--help` answers
at once.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import typer

    from signverse.lake.lake import Lake

__all__ = ["main", "open"]

ORDER = (
    "quickstart",
    "ingest",
    "status",
    "stats",
    "sql",
    "select",
    "split",
    "keypoints",
    "picture",
    "export",
    "verify",
    "maintain",
    "inspect",
    "models",
    "doctor",
)
"""The commands as `--help` lists them."""


def open(path: str | Path, *, version: int | None = None) -> Lake:
    """Opens a lake; see `lake.lake.Lake.open`."""
    from signverse.lake.lake import Lake

    return Lake.open(path, version=version)


def build_app() -> typer.Typer:
    """The command line with the commands of every room."""
    import typer
    import typer.core

    import signverse.export.cli.commands
    import signverse.ingest.cli.acquire
    import signverse.ingest.cli.commands
    import signverse.lake.cli.query
    import signverse.lake.cli.split

    class InOrder(typer.core.TyperGroup):
        """The commands in the order in which one comes to need them."""

        def list_commands(self, ctx: object) -> list[str]:
            return sorted(self.commands, key=ORDER.index)

    app = typer.Typer(
        name="signverse",
        cls=InOrder,
        context_settings={"help_option_names": ["-h", "--help"]},
        help="A lakehouse for sign-language poses: videos in, Delta tables, SQL, release shards out.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        # Help drawn by rich takes 0.3 s to import.
        rich_markup_mode=None,
    )

    @app.callback()
    def options(
        version: bool = typer.Option(False, "--version", is_eager=True, callback=_version, help="Print the version."),
    ) -> None: ...

    for room in (
        signverse.ingest.cli.commands,
        signverse.ingest.cli.acquire,
        signverse.lake.cli.query,
        signverse.lake.cli.split,
        signverse.export.cli.commands,
    ):
        room.mount(app)
    return app


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        import typer

        typer.echo(f"signverse-lake {version('signverse-lake')}")
        raise typer.Exit


def main(arguments: list[str] | None = None) -> None:
    """Runs the command line and exits: 0 done, 1 it could not be done, 2 it was asked wrongly, 130 interrupted."""
    from signverse.lake.cli.entry import run

    sys.exit(run(build_app(), sys.argv[1:] if arguments is None else arguments))
