"""The command repair. Imported at every start of the command line: what is heavy is imported by the command itself."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from signverse.lake.cli.shared import DryRunOption, complain, say, writing_rows

if TYPE_CHECKING:
    from signverse.lake.query.output import Output


def mount(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("repair")(repair)


@writing_rows
def repair(
    *,
    lake: Annotated[Path, typer.Argument(metavar="LAKE", help="Folder of the lake.", show_default=False)],
    dry_run: DryRunOption = False,
    drop_lost: Annotated[
        list[str] | None,
        typer.Option(
            "--drop-lost", metavar="TABLE", help="Take what nothing brings back out of this table; may be repeated."
        ),
    ] = None,
    rows_to: Output,
) -> None:
    """Mend a lake that has lost something, from what is there.

    Entries of a log that are empty, cut or missing are replaced; rows of data files that no log names come back; rows
    of `videos`, `done` outcomes and the places of keypoints are made from the other tables. What cannot be mended is
    listed, with the commands that bring it back; queries that need it are refused until it is back, or dropped. Nothing
    is deleted: what is taken out lies in LAKE/_damaged. Exit code 1 says that something is still lost.

    \b
    signverse repair LAKE --dry-run
    signverse repair LAKE
    signverse repair LAKE --drop-lost outcomes
    """
    import polars as pl

    from signverse.lake.model.wording import counted
    from signverse.lake.upkeep.repair.run import repair as mend

    report = mend(lake, dry_run=dry_run, drop_lost=drop_lost or ())
    columns = dict.fromkeys(("table", "state", "found", "file"), pl.String)
    rows = pl.DataFrame([vars(finding) for finding in report.findings], columns)
    if report.findings or rows_to.path is not None or rows_to.form != "table":
        rows_to.write(rows, short=rows.drop("file"))
    if not report.findings:
        say(f"nothing to mend in the lake {lake}")
        return
    would = "would be " if dry_run else ""
    mended = sum(finding.state != "lost" for finding in report.findings)
    say(f"{counted(mended, 'finding')} {would}mended, {report.lost:,} lost")
    if report.commands and report.lost:
        complain("Run:")
        for command in report.commands:
            complain(f"  {command}")
    if report.lost:
        raise typer.Exit(1)
