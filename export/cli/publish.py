"""The command publish.

Imported at every start of the command line: what is heavy is imported by the command itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from signverse.export.cli.options import LicenceOption
from signverse.lake.cli.option_groups import mistyped, one_of
from signverse.lake.cli.shared import DryRunOption, complain, say, show, writing_rows

if TYPE_CHECKING:
    from signverse.export.publish.publisher import Prepared, Progress
    from signverse.lake.query.output import Output


@writing_rows
def publish(
    *,
    path: Annotated[Path, typer.Argument(metavar="PATH", help="A lake, or the folder of an export.")],
    name: Annotated[str, typer.Argument(metavar="OWNER/NAME", help="The data set; made where there is none.")],
    licence: LicenceOption = None,
    private: Annotated[bool, typer.Option("--private", help="Make the data set private.")] = False,
    gated: Annotated[bool, typer.Option("--gated", help="Readers log in and accept its conditions first.")] = False,
    tag: Annotated[str, typer.Option(metavar="NAME", help="Name this version, such as v1; it keeps the name.")] = "",
    revision: Annotated[str, typer.Option(metavar="BRANCH", help="Branch to publish to; made if missing.")] = "main",
    withdrawn: Annotated[
        str | None,
        typer.Option(
            metavar="remove|keep",
            callback=one_of("remove", "keep"),
            help="Files of videos that are not in it any more: remove them from older versions too, or keep those "
            "(default: remove; refused where a tag names them, or where it is most of the videos).",
        ),
    ] = None,
    dry_run: DryRunOption = False,
    rows_to: Output,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="With --dry-run: write the card there, to look at it.")
    ] = None,
) -> None:
    """Publish an export or a lake on the Hugging Face hub.

    Sends what is not there yet, then the index, the checksums and the card, and prints the address. After an
    interruption the same command goes on, from any machine; once all is there it sends nothing. Files that the export
    does not have any more are removed; those of other people stay. Of a lake the newest version is published, without
    older ones. What looks like a secret is refused.

    The token comes from HF_TOKEN or from `hf auth login`; HF_ENDPOINT names another hub.

    \b
    signverse publish EXPORT me/poses --licence cc-by-nc-4.0
    signverse publish EXPORT me/poses --tag v1
    signverse publish EXPORT me/poses --licence cc-by-4.0 --dry-run --out card
    signverse publish EXPORT me/poses --dry-run --format csv -o plan.csv
    signverse publish LAKE me/lake --private --gated --revision next
    """
    import polars as pl

    from signverse.export.publish.client.credentials import access_token, repository_name, without_token
    from signverse.export.publish.client.hub import Hub

    # Long because: its options are declared here.
    from signverse.export.publish.publisher import Settings, planned, prepare, read_content
    from signverse.export.publish.publisher import publish as publish_prepared
    from signverse.lake.model.wording import counted, size_of

    if out is not None and not dry_run:
        raise typer.BadParameter("--out is for --dry-run: it takes the card that would be published")
    with mistyped():
        known = repository_name(name)
    token = access_token()
    with without_token(token):
        content = read_content(path, token)
        hub = Hub(known, revision, token, say)
        settings = Settings(licence, private, gated, tag, withdrawn)  # type: ignore[arg-type]
        prepared = prepare(content, hub, settings)
        say(*prepared.remarks)
        if dry_run or rows_to.path is not None:
            rows_to.write(pl.DataFrame(list(planned(prepared)), ["what", "bytes", "file"], orient="row"))
        if dry_run:
            _say_names(prepared, "would be removed")
            say(f"{counted(prepared.count, 'file')}, {size_of(prepared.size)} would be sent to {hub.address}")
            _write(out, prepared)
            return
        if not prepared.idle:
            _say_names(prepared, "to be removed")
        with _sending(prepared) as progress:
            publish_prepared(prepared, hub, progress)
        if prepared.idle:
            say(f"nothing was sent: {counted(len(prepared.kept), 'file')} there already")
        else:
            removed = {*prepared.plan.remove, *(str(one.filename) for one in prepared.purge)}
            also = f"; removed {counted(len(removed), 'file')}" if removed else ""
            say(f"sent {counted(prepared.count, 'file')}, {size_of(prepared.size)}{also}")
        show(hub.address)


def _say_names(prepared: Prepared, removed: str) -> None:
    """Says which files and videos are concerned by more than being sent.

    Args:
        removed: how a removal that has not happened yet is said.
    """
    from signverse.lake.model.wording import counted, size_of, some

    plan = prepared.plan
    if plan.remove:
        say(f"{removed} there, as the export has them no more: {some(plan.remove)}")
    if plan.gone:
        say(f"{counted(len(plan.gone), 'video')} published before and not in it any more: {some(sorted(plan.gone))}")
    if prepared.purge:
        size = size_of(sum(int(one.size) for one in prepared.purge))
        names = some(sorted({str(one.filename) for one in prepared.purge}))
        say(f"{removed} for good, from older versions too: {counted(len(prepared.purge), 'file')}, {size} ({names})")
    if plan.unknown:
        say(f"left as they are, as they are not of the export: {some(plan.unknown)}")


def _write(out: Path | None, prepared: Prepared) -> None:
    from signverse.lake.model.errors import BadInputError
    from signverse.lake.storage.temporary.whole_file import whole_file

    if out is None:
        return
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInputError(f"the folder {out} cannot be made: {error.strerror}") from None
    for name, data in prepared.descriptions.items():
        place = out / name
        place.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(place) as file:
            file.write(data)
    say(f"{', '.join(prepared.descriptions)} -> {out}")


@contextmanager
def _sending(prepared: Prepared) -> Iterator[Progress]:
    """Shows a bar of files, bytes, rate and time left; says after Ctrl-C what is kept."""
    from rich import progress as bars

    from signverse.export.publish.publisher import Progress
    from signverse.lake.cli.progress import stderr_console

    console = stderr_console()
    columns = (
        bars.TextColumn("{task.fields[files]}/{task.fields[total_files]} files"),
        bars.BarColumn(),
        bars.DownloadColumn(),
        bars.TransferSpeedColumn(),
        bars.TimeRemainingColumn(),
    )
    sent = 0
    try:
        with bars.Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
            task = bar.add_task("", total=prepared.size, files=0, total_files=prepared.count)

            def count(files: int) -> None:
                nonlocal sent
                sent += files
                bar.update(task, files=sent)

            yield Progress(on_bytes=lambda size: bar.advance(task, size), on_files=count, say=say)
    except KeyboardInterrupt:
        complain("interrupted: what was committed is kept, and the same command goes on from there")
        raise
