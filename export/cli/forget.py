"""The command forget, and `verify --forgotten`.

Imported at every start of the command line: what is heavy is imported by the commands themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from signverse.lake.cli.shared import DryRunOption, LakeOption, complain, say, show, writing_rows

if TYPE_CHECKING:
    import polars as pl

    from signverse.export.release.takedown.plan import ExportPlan
    from signverse.lake.lake import Lake
    from signverse.lake.query.output import Output
    from signverse.lake.upkeep.forget.needles import Needles
    from signverse.lake.upkeep.forget.plan import ForgetPlan

VideosOfListOption = Annotated[
    Path | None,
    typer.Option("--list", metavar="FILE", help="The videos of a list: ids, addresses or file names, as a manifest."),
]
InExportsOption = Annotated[
    list[Path] | None,
    typer.Option("--export", metavar="DIR", help="Also the export in this folder; repeatable."),
]


@writing_rows
def forget(
    *,
    video_ids: Annotated[
        list[str] | None, typer.Argument(metavar="VIDEO_ID", help="Videos of the lake.", show_default=False)
    ] = None,
    lake: LakeOption,
    channel: Annotated[
        list[str] | None,
        typer.Option("--channel", metavar="NAME", help="Channel by name or id; repeatable."),
    ] = None,
    listed: VideosOfListOption = None,
    exports: InExportsOption = None,
    reason: Annotated[
        str, typer.Option("--reason", metavar="TEXT", help="Why; kept in the lake, so it may not name the video.")
    ] = "",
    missing_ok: Annotated[
        bool,
        typer.Option("--missing-ok", help="Also ids that are nowhere in the lake: they are refused from now on."),
    ] = False,
    allow: Annotated[
        bool, typer.Option("--allow", help="Let these ids be ingested again; nothing comes back by itself.")
    ] = False,
    dry_run: DryRunOption = False,
    rows_to: Output,
) -> None:
    """Take videos down: out of every table, version and file.

    Nothing holds it back, and nothing brings them back: older versions that held them cannot be read any more. Every
    later ingestion leaves them out; the lake keeps a hash of their ids, the reason and the date. Exports are written
    again without them: tars, Parquet, .pose files, index, checksums and card. Killed anywhere, the same command
    finishes it. Other processes may read and write the lake meanwhile.

    \b
    signverse forget VIDEO_ID --lake LAKE --dry-run
    signverse forget VIDEO_ID --lake LAKE --export DIR --reason "asked by mail"
    signverse forget --channel "A channel" --lake LAKE
    signverse forget VIDEO_ID --lake LAKE --allow
    """
    # Long because: its options are declared here, and nothing may be changed before all of it is known to work.
    from signverse.export.release.takedown.plan import plan_export
    from signverse.export.release.takedown.run import take_out
    from signverse.lake.cli.progress import byte_bar
    from signverse.lake.lake import Lake
    from signverse.lake.model.errors import MistypedError
    from signverse.lake.model.wording import counted, size_of
    from signverse.lake.storage.forgotten import tombstones
    from signverse.lake.storage.stores.cached_lake import refuse_in_store
    from signverse.lake.upkeep.forget import run
    from signverse.lake.upkeep.forget.plan import make_forget_plan

    refuse_in_store(lake, "forget writes")
    with Lake.open(lake) as opened:
        interrupted = tombstones.pending(opened.folder)
        if not (video_ids or channel or listed or interrupted):
            raise MistypedError("no video is named", "Give VIDEO_ID, --channel or --list.")
        if allow:
            _allow(opened, _named(opened, video_ids, channel, listed, interrupted), dry_run=dry_run)
            return
        ids = _named(opened, video_ids, channel, listed, interrupted) | interrupted
        if interrupted and not dry_run:
            say(f"an earlier run was interrupted: it is finished with {counted(len(interrupted), 'video')}")
        plans = [plan_export(folder, ids) for folder in dict.fromkeys(exports or ())]
        plan = make_forget_plan(opened.snapshot, ids)
        unknown = ids - interrupted - _known(opened, plan, plans)
        if unknown and not missing_ok:
            _refuse_unknown(opened, unknown)
        run.check(opened.snapshot, plan)
        if dry_run:
            _show(plan, plans, rows_to)
            return
        with byte_bar("forgetting", plan.bytes_to_rewrite + sum(each.size for each in plans)) as advance:
            done = run.forget(opened.snapshot, plan, reason=reason, on_bytes=advance)
            opened.refresh()
            remarks = [_take_out(each, opened, take_out, advance) for each in plans]
        tombstones.end(opened.folder)
        rows = sum(done.rows.values())
        say(
            f"{counted(len(ids), 'video')} forgotten: {counted(rows, 'row')} of {counted(len(done.rows), 'table')} "
            f"gone, {counted(done.files, 'file')} ({size_of(done.size)}) deleted; ingestion refuses them from now on"
        )
        say(*(line for lines in remarks for line in lines))
        for path in done.at_work:
            complain(f"{path} is being written and may hold them: its process leaves them out when it commits")


def _named(
    lake: Lake,
    video_ids: Collection[str] | None,
    channels: Sequence[str] | None,
    listed: Path | None,
    interrupted: Collection[str],
) -> set[str]:
    """The ids that were typed, of channels and of a list."""
    from signverse.lake.model.errors import BadInputError
    from signverse.lake.model.ids import normal_form
    from signverse.lake.upkeep.forget.which import known_videos, listed_videos, videos_of_channel

    given = [*(video_ids or ()), *(listed_videos(listed) if listed else ())]
    typed = set(given)
    # An id is kept in one of its forms; some lakes of others have it in another.
    found = known_videos(lake.snapshot, typed | {normal_form(each) for each in typed}) if typed else set()
    ids = {each if each in found else normal_form(each) for each in typed}
    for channel in channels or ():
        try:
            ids |= videos_of_channel(lake.snapshot, channel)
        except BadInputError:
            # What an interrupted run has taken out already has no channel any more.
            if not interrupted:
                raise
    return ids


def _known(lake: Lake, plan: ForgetPlan, exports: Sequence[ExportPlan]) -> set[str]:
    """The ids that are in the lake or in an export, or were."""
    from signverse.lake.storage.forgotten.tombstones import Tombstones
    from signverse.lake.upkeep.forget.plan import rows_by_video
    from signverse.lake.upkeep.forget.which import known_videos

    known = known_videos(lake.snapshot, plan.ids) | Tombstones.of(lake.folder).among(plan.ids)
    known |= {video_id for each in exports for video_id in each.videos}
    for path in plan.older:
        if not plan.ids - known:
            break
        from contextlib import suppress

        from signverse.lake.model.errors import SignverseError

        with suppress(SignverseError):
            known |= rows_by_video(path, plan.ids).keys()
    return known


def _refuse_unknown(lake: Lake, unknown: Collection[str]) -> None:
    import difflib

    from signverse.lake.model.errors import BadInputError
    from signverse.lake.model.wording import counted, printable, some

    names = [printable(each) for each in sorted(unknown)]
    videos = lake.snapshot.visible()["video_id"].to_list()
    near = [] if len(names) > 1 else difflib.get_close_matches(names[0], videos, n=3)
    what = f"{counted(len(names), 'id')} in no table of {lake.folder}: {some(names)}"
    hint = f"Nearest: {', '.join(near)}. " if near else ""
    raise BadInputError(
        what, f"Nothing was changed. {hint}--missing-ok forgets the others, and refuses these from now on too."
    )


def _allow(lake: Lake, ids: Collection[str], *, dry_run: bool) -> None:
    from signverse.lake.model.errors import BadInputError
    from signverse.lake.model.wording import counted, printable, some
    from signverse.lake.storage.forgotten import tombstones

    known = tombstones.Tombstones.of(lake.folder).among(ids)
    others = [printable(each) for each in sorted(set(ids) - known)]
    if others:
        raise BadInputError(f"{lake.folder} has not forgotten {some(others)}", "Nothing was changed.")
    if not dry_run:
        tombstones.allow(lake.folder, ids)
    say(f"{counted(len(ids), 'video')} {'would' if dry_run else 'may'} be ingested again")


def _take_out(plan: ExportPlan, lake: Lake, take_out: Callable[..., int], advance: Callable[[int], None]) -> list[str]:
    """Takes videos out of an export; what is said of it."""
    from signverse.lake.model.wording import counted

    if not plan.gone and not plan.interrupted:
        return [f"{plan.folder} holds none of them"]
    card = None
    lines = []
    if plan.has_card and plan.left:
        from signverse.export.publish.export_card import renewed_card

        card = renewed_card(lake, plan.folder, plan.left)
    files = take_out(plan, beside=card, on_bytes=advance)
    lines.append(
        f"{plan.folder}: {counted(len(plan.videos), 'video')} gone, {counted(files, 'file')} of {plan.kind} "
        f"written again; {counted(len(plan.left), 'row')} left in its index"
    )
    lines += card.remarks if card is not None else []
    if plan.has_card and card is None:
        lines.append(
            f"{plan.folder}: the figures and pictures of its card are removed, as {lake.folder} does not hold the rest "
            "of it; README.md still has the old ones. Export it again with --card"
        )
    return lines


def _show(plan: ForgetPlan, exports: Sequence[ExportPlan], rows_to: Output) -> None:
    """Says what would be touched."""
    from signverse.lake.model.wording import counted, size_of

    rows_to.write(_touched(plan, exports))
    say(
        f"{counted(len(plan.ids), 'video')}: {counted(plan.files_to_rewrite, 'file')} "
        f"({size_of(plan.bytes_to_rewrite)}) would be rewritten, {counted(plan.files_to_delete, 'older file')} "
        f"deleted, {counted(len(plan.logs), 'file')} of logs changed"
    )
    for each in exports:
        if each.gone:
            say(f"{each.folder}: {counted(len(each.files), 'file')} of {each.kind} would be written again")
        else:
            say(f"{each.folder} holds none of them")


def _touched(plan: ForgetPlan, exports: Sequence[ExportPlan]) -> pl.DataFrame:
    """A row for each table and export: where, rows, files, bytes."""
    import polars as pl

    rows = [
        (table.name, plan.rows[table.name], len(files), sum(file.size for file in files))
        for table, files in plan.active.items()
    ]
    older = list((plan.older | plan.damaged).values())
    rows += [("older files", 0, len(older), sum(older))] if older else []
    rows += [(str(each.folder), len(each.gone), len(each.files), each.size) for each in exports]
    columns = {"where": pl.String, "rows": pl.Int64, "files": pl.Int64, "bytes": pl.Int64}
    return pl.DataFrame(rows, columns, orient="row")


def verify_forgotten(folder: Path, video_ids: Collection[str], listed: Path | None, exports: Sequence[Path]) -> None:
    """Searches folders for anything of forgotten videos; exits with 1 where there is any."""
    from signverse.lake.cli.progress import byte_bar
    from signverse.lake.model.errors import BadInputError
    from signverse.lake.model.wording import counted, printable, size_of
    from signverse.lake.storage.forgotten.tombstones import Tombstones
    from signverse.lake.storage.location import is_lake
    from signverse.lake.upkeep.forget.needles import Hashed, Ids
    from signverse.lake.upkeep.forget.proof import Searched, files_in, what_is_left
    from signverse.lake.upkeep.forget.which import listed_videos

    for each in (folder, *exports):
        if not each.is_dir():
            raise BadInputError(f"there is no folder {each}", "Name a lake or an export.")
    ids = {*video_ids, *(listed_videos(listed) if listed else ())}
    buried = Tombstones.of(folder)
    others = _videos_like_clips(folder) - ids
    needles: Needles = Ids(ids, others) if ids else Hashed(buried, others)
    if not ids and not buried.hashes:
        raise BadInputError(f"{folder} has forgotten no video", "Name the ids to search for.")
    problems = 0
    if is_lake(folder):
        for each in sorted(ids - buried.among(ids)):
            problems += 1
            show(f"{folder} has not forgotten {printable(each)}: it may be ingested again")
    searched = Searched()
    folders = (folder, *exports)
    total = sum(path.stat().st_size for each in folders for path in files_in(each))
    with byte_bar("searching", total) as advance:
        for each in folders:
            for line in what_is_left(each, needles, searched, advance):
                problems += 1
                show(line)
    what = counted(len(ids) or len(buried), "forgotten video")
    where = f"{counted(searched.files, 'file')} ({size_of(searched.size)})"
    if problems:
        complain(f"signverse: {counted(problems, 'problem')} with {what} in {where}")
        raise typer.Exit(1)
    how = "every byte and every text was looked at" if ids else "every text was looked at, by its hash"
    say(f"nothing of {what} in {where}: {how}")


def _videos_like_clips(folder: Path) -> set[str]:
    """The videos of a lake whose ids look like those of clips; none where it cannot be read."""
    from contextlib import suppress

    from signverse.lake.lake import Lake
    from signverse.lake.model.errors import SignverseError
    from signverse.lake.storage.location import is_lake
    from signverse.lake.upkeep.forget.which import videos_like_clips

    with suppress(SignverseError):
        if is_lake(folder):
            with Lake.open(folder) as lake:
                return videos_like_clips(lake.snapshot)
    return set()
