"""`signverse doctor`."""

from __future__ import annotations

import typer

from signverse.ingest.cli.extraction_options import ModelsOption
from signverse.lake.cli.shared import show


def doctor(models: ModelsOption = None) -> None:
    """Check this machine: packages, models, GPUs.

    A line begins with ok, with -- where something optional is missing, or with NO where something must be done before
    extraction can run; then the command exits with 1.

    \b
    signverse doctor
    signverse doctor --models DIR
    """
    # Here, not above: what it imports is heavy, and --help should not wait for it.
    from signverse.ingest.doctor import examine

    trouble = False
    for check in examine(models):
        show(*check.lines())
        trouble = trouble or check.fine is False
    raise typer.Exit(1 if trouble else 0)
