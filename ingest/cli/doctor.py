"""`signverse doctor`."""

from __future__ import annotations

import typer

from signverse.ingest.cli.extraction_options import ModelsOption


def doctor(models: ModelsOption = None) -> None:
    """Check this machine: packages, models, GPUs.

    Exits with 1 where something must be done before extraction can run.

    \b
    signverse doctor
    signverse doctor --models DIR
    """
    # Here, not above: what it imports is heavy, and --help should not wait for it.
    from signverse.ingest.doctor import examine

    trouble = False
    for check in examine(models):
        typer.echo(f"{'ok ' if check.fine else 'NO '} {check.name}: {check.found}")
        trouble = trouble or not check.fine
    raise typer.Exit(1 if trouble else 0)
