"""The commands of ingestion, each in the file of its name. Those of downloading are in acquisition/.

Imported at every start of the command line: nothing heavy here.
"""

from __future__ import annotations

from typing import Final

import typer

# Importing them registers the commands of the groups `ingest` and `models`.
from signverse.ingest.cli import captions, models, shards, videos  # noqa: F401
from signverse.ingest.cli.doctor import doctor
from signverse.ingest.cli.fetch import fetch
from signverse.ingest.cli.inspection import inspect
from signverse.ingest.cli.quickstart import quickstart
from signverse.ingest.cli.shared import ingest_group, models_group

ORDER: Final = ("videos", "captions", "shards", "plan", "download", "run")
"""The commands of `signverse ingest` as its help lists them."""


def mount(app: typer.Typer) -> None:
    """Adds the commands of ingestion to the command line."""
    ingest_group.registered_commands.sort(key=lambda command: ORDER.index(command.name or ""))
    app.add_typer(ingest_group, name="ingest")
    app.add_typer(models_group, name="models")
    app.command("fetch")(fetch)
    app.command("inspect")(inspect)
    app.command("doctor")(doctor)
    app.command("quickstart")(quickstart)
