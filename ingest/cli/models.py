"""`signverse models list` and `signverse models pull`."""

from __future__ import annotations

from typing import Any

from signverse.ingest.cli.extraction_options import ModelsOption
from signverse.ingest.cli.shared import models_group
from signverse.lake.cli.shared import is_quiet, show


@models_group.command("list")
def list_models(models: ModelsOption = None) -> None:
    """List the models in the folder, and what each can be used for.

    \b
    signverse models list
    signverse models list --models DIR
    """
    # Here, not above: what these import is heavy, and --help should not wait for it.
    from signverse.ingest.models.pair import find_models
    from signverse.ingest.models.pair import list_models as listing
    from signverse.ingest.models.pins import default_folder
    from signverse.lake.model.errors import BadInputError

    folder = models or default_folder()
    found = listing(folder)
    if not found:
        raise BadInputError(f"no .onnx file in {folder}", "Fetch the pair: signverse models pull.")
    for model in found:
        show(f"{model.name}\t{model.size:,} bytes\t{model.role}{', the published file' if model.pinned else ''}")
    pair = find_models(folder)
    show(f"in use: {pair.detector.name} and {pair.pose.name}")


@models_group.command("pull")
def pull(models: ModelsOption = None) -> None:
    """Download DWPose's two models (351 MB) from the Hugging Face hub.

    Size and sha256 are checked. An interrupted download continues where it stopped.

    \b
    signverse models pull
    signverse models pull --models DIR
    """
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    from signverse.ingest.models.pull import pull as fetch
    from signverse.lake.cli.progress import stderr_console

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    console = stderr_console()
    with Progress(*columns, console=console, disable=is_quiet()) as progress:
        bars: dict[str, Any] = {}

        def on_bytes(name: str, done: int, total: int) -> None:
            if name not in bars:
                bars[name] = progress.add_task(name, total=total)
            progress.update(bars[name], completed=done)

        paths = fetch(models, progress=on_bytes)
    for path in paths:
        show(str(path))
