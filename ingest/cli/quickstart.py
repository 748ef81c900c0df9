"""`signverse quickstart`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from signverse.ingest.cli.extraction_options import ModelsOption


def quickstart(
    context: typer.Context,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for what it makes.")] = Path("signverse-quickstart"),
    models: ModelsOption = None,
    pull: Annotated[
        bool, typer.Option("--pull", help="Download the models (351 MB) and extract a video of a real person too.")
    ] = False,
) -> None:
    """Run the main commands on the bundled sample.

    No data and no network are needed. Every command is printed before its output.

    \b
    signverse quickstart
    signverse quickstart --pull --out DIR
    """
    # Here, not above: what it imports is heavy, and --help should not wait for it.
    from signverse.ingest.quickstart import run

    def command(words: list[str]) -> int:
        app = context.find_root().command
        try:
            app.main(words, prog_name="signverse", standalone_mode=True)
        except SystemExit as stop:
            return stop.code if isinstance(stop.code, int) else 0
        return 0

    run(command, out, models, pull=pull)
