"""The command maintain, and the compaction that ends an ingestion.

Imported at every start of the command line: what is heavy is imported by the command itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from signverse.lake.cli.shared import DryRunOption, LakeOption, complain, say, writing_rows

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import polars as pl

    from signverse.lake.lake import Lake
    from signverse.lake.query.output import Output
    from signverse.lake.upkeep.maintain import Extent
    from signverse.lake.upkeep.plan import Plan


def mount(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("maintain")(maintain)


@writing_rows
def maintain(
    *,
    lake: LakeOption,
    dry_run: DryRunOption = False,
    full: Annotated[
        bool, typer.Option("--full", help="Also re-sort partitions that are less than 10 % out of order.")
    ] = False,
    keep_format: Annotated[
        bool, typer.Option("--keep-format", help="Leave keypoints files of an older format as they are.")
    ] = False,
    retention: Annotated[
        float,
        typer.Option(min=0, max=36_500, metavar="DAYS", help="How long replaced files and ingestions are kept."),
    ] = 7.0,
    drop_unlisted: Annotated[
        bool, typer.Option("--drop-unlisted", help="Drop the files of videos that outcomes call done and videos lacks.")
    ] = False,
    migrate: Annotated[
        bool, typer.Option("--migrate", help="Bring a lake of an older format to today's, and do nothing else.")
    ] = False,
    rows_to: Output,
) -> None:
    """Compact small files and delete unreferenced ones.

    Partitions are sorted by video into files of about 128 MB; replaced ingestions are dropped. Other processes may read
    and write meanwhile: replaced files stay for the retention, for readers and for older versions of the lake. With
    --retention 0 no other process may use the lake. Ingestions that were never committed are dropped after the
    retention, and said. Ages are by the clock of the disk, and files of writers at work stay. Keypoints files of an
    older format are rewritten one by one: interrupted, the next maintain goes on; the lake then has today's format.

    \b
    signverse maintain --lake LAKE --dry-run
    signverse maintain --lake LAKE --dry-run --format csv -o plan.csv
    signverse maintain --lake LAKE
    signverse maintain --lake LAKE --migrate --dry-run
    """
    # Long because: its options are declared here.
    import time
    from contextlib import nullcontext
    from datetime import UTC, datetime, timedelta

    from signverse.lake.cli.progress import byte_bar
    from signverse.lake.lake import Lake
    from signverse.lake.model.schema import FORMAT_VERSION
    from signverse.lake.model.wording import as_argument, counted, size_of, some
    from signverse.lake.storage.lake_format import format_of
    from signverse.lake.storage.merging.lease import only_upkeep
    from signverse.lake.storage.stores.cached_lake import refuse_in_store
    from signverse.lake.upkeep.dropping import find_drops, refuse_to_drop_done
    from signverse.lake.upkeep.maintain import extent
    from signverse.lake.upkeep.maintain import maintain as carry_out
    from signverse.lake.upkeep.migrations import due_migrations
    from signverse.lake.upkeep.plan import make_plan
    from signverse.lake.upkeep.vacuum import log_leftovers, unreferenced_files

    refuse_in_store(lake, "maintain writes")
    opened = Lake.open(lake)
    if migrate:
        _migrate(opened, dry_run=dry_run, rows_to=rows_to)
        return
    kept_for = timedelta(days=retention)
    # What is planned must not be merged before it is rewritten.
    with nullcontext() if dry_run else only_upkeep(opened.folder):
        plan = make_plan(opened.snapshot, retention=kept_for, full=full, keep_format=keep_format)
        if plan.lost:
            lost = f"{counted(len(plan.lost), 'lost file')} left as {'it is' if len(plan.lost) == 1 else 'they are'}"
            complain(f"{lost}: {some(plan.lost, 1)}. See: signverse verify {as_argument(opened.folder)}")
        before = extent(opened.snapshot)
        unreferenced = unreferenced_files(opened.snapshot, kept_for)
        drops = find_drops(opened.snapshot, plan, unreferenced)
        if not drop_unlisted:
            refuse_to_drop_done(opened.snapshot, drops)
        if plan.empty and not unreferenced and not log_leftovers(opened.folder, kept_for):
            if rows_to.path is not None or rows_to.form != "table":
                rows_to.write(_planned(plan))
            say(f"{counted(before.files, 'file')}, {size_of(before.size)}: nothing to do")
            return
        if dry_run:
            _show(plan, before, unreferenced, rows_to)
            _tell_of_format(plan, "would take", "would become")
            if format_of(opened.folder) < FORMAT_VERSION:
                names = ", ".join(each.name for each, _ in due_migrations(opened.snapshot))
                say(f"migrations due: {names}; --migrate carries out these only")
            if drops:
                say(f"{drops} would be dropped")
            return
        _tell_of_format(plan, "takes", "becomes")
        began = time.monotonic()
        replaced = sum(rewrite.size for rewrite in plan.rewrites)
        with byte_bar("files", replaced) as advance:
            # It was asked above whether something is lost, which reads files.
            removed = carry_out(opened.snapshot, plan, retention=kept_for, drop_unlisted=True, on_bytes=advance)
    after = extent(opened.snapshot)
    if rows_to.path is not None:
        rows_to.write(_planned(plan))
    say(
        f"{counted(before.files, 'file')} became {after.files:,}, {size_of(before.size)} became {size_of(after.size)}, "
        f"{counted(len(plan.replaced), 'replaced ingestion')} dropped, "
        f"{counted(len(removed), 'unreferenced file')} removed in {time.monotonic() - began:,.0f} s"
    )
    if drops:
        say(f"{drops} dropped: {some(sorted(drops.videos))}" if drops.videos else f"{drops} dropped")
    if plan.rewrites and retention:
        until = datetime.now(UTC) + kept_for
        say(f"{size_of(replaced)} of replaced files stay until {until:%Y-%m-%d}; maintain removes them after that")


def _migrate(opened: Lake, *, dry_run: bool, rows_to: Output) -> None:
    """Carries out the migrations that are due, or lists them."""
    from contextlib import nullcontext
    from datetime import timedelta

    import polars as pl

    from signverse.lake.cli.progress import byte_bar
    from signverse.lake.model.wording import counted
    from signverse.lake.storage.merging.lease import only_upkeep
    from signverse.lake.upkeep.maintain import maintain as carry_out
    from signverse.lake.upkeep.migrations import due_migrations, migration_plan

    with nullcontext() if dry_run else only_upkeep(opened.folder):
        due, plan = due_migrations(opened.snapshot), migration_plan(opened.snapshot)
        if due or rows_to.path is not None or rows_to.form != "table":
            rows = [(each.name, count, each.about) for each, count in due]
            columns = {"migration": pl.String, "left": pl.Int64, "about": pl.String}
            rows_to.write(pl.DataFrame(rows, columns, orient="row"))
        if not due:
            say("the lake has today's format: nothing to do")
            return
        _tell_of_format(plan, "would take" if dry_run else "takes", "would become" if dry_run else "becomes")
        if dry_run:
            return
        size = sum(rewrite.size for rewrite in plan.rewrites)
        with byte_bar("files", size) as advance:
            # Nothing is dropped or deleted.
            kept_for = timedelta(days=36_500)
            carry_out(opened.snapshot, plan, retention=kept_for, drop_unlisted=True, on_bytes=advance)
    say(f"{counted(len(due), 'migration')} carried out")


def _planned(plan: Plan) -> pl.DataFrame:
    """The files that a plan rewrites, a row for each partition and reason."""
    import polars as pl

    columns = {"table": pl.String, "sign_language": pl.String, "files": pl.Int64, "bytes": pl.Int64, "why": pl.String}
    rows = [
        (rewrite.table.name, rewrite.partition, len(rewrite.files), rewrite.size, rewrite.why)
        for rewrite in plan.rewrites
    ]
    # Files of an older format are rewritten one by one.
    return (
        pl.DataFrame(rows, columns, orient="row")
        .group_by("table", "sign_language", "why", maintain_order=True)
        .agg(pl.col("files").sum(), pl.col("bytes").sum())
        .select(*columns)
    )


def _tell_of_format(plan: Plan, takes: str, becomes: str) -> None:
    """Says what the format costs, before it is paid for."""
    from signverse.lake.model.schema import FORMAT_VERSION
    from signverse.lake.model.wording import counted, lasting, size_of
    from signverse.lake.upkeep.rewrite import BYTES_PER_S

    size = sum(rewrite.size for rewrite in plan.older)
    if size:
        what = f"{counted(len(plan.older), 'keypoints file')} of an older format ({size_of(size)})"
        seconds = max(1, round(size / BYTES_PER_S))
        say(f"rewriting {what} {takes} about {lasting(seconds)}; --keep-format leaves them")
    if plan.raises_format:
        say(f"the lake {becomes} one of format {FORMAT_VERSION}, which older installations refuse to open")


def _show(plan: Plan, before: Extent, unreferenced: Sequence[Path], rows_to: Output) -> None:
    """Prints what maintenance would do."""
    from signverse.lake.model.wording import counted, size_of

    rows_to.write(_planned(plan))
    say(
        f"{counted(before.files, 'file')}, {size_of(before.size)}; "
        f"{counted(sum(len(rewrite.files) for rewrite in plan.rewrites), 'file')} would be rewritten, "
        f"{counted(len(plan.replaced), 'replaced ingestion')} dropped, "
        f"{counted(len(unreferenced), 'unreferenced file')} of "
        f"{size_of(sum(path.stat().st_size for path in unreferenced))} removed"
    )


def compact_small_files(opened: Lake) -> None:
    """Compact the partitions with many small files after an ingestion, and say so on stderr.

    An error is reported and not raised: the videos are in the lake.
    """
    from signverse.lake.cli.progress import byte_bar
    from signverse.lake.model.errors import SignverseError
    from signverse.lake.storage.merging.lease import only_upkeep
    from signverse.lake.upkeep.compaction import MAX_SMALL_FILES, has_many_small_files
    from signverse.lake.upkeep.maintain import extent
    from signverse.lake.upkeep.maintain import maintain as carry_out
    from signverse.lake.upkeep.plan import make_plan

    try:
        if not has_many_small_files(opened.snapshot, MAX_SMALL_FILES):
            return
        before = extent(opened.snapshot)
        with only_upkeep(opened.folder):
            plan = make_plan(opened.snapshot, small_only=True)
            with byte_bar("compacting small files", sum(rewrite.size for rewrite in plan.rewrites)) as advance:
                carry_out(opened.snapshot, plan, on_bytes=advance)
        say(f"small files compacted: {before.files:,} files became {extent(opened.snapshot).files:,}")
    except SignverseError as error:
        say(f"small files were not compacted: {error}")
