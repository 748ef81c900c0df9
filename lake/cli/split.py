"""The command that splits a lake's videos into train, val and test.

Imported at every start of the command line: what is heavy is imported by the command itself.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from signverse.lake.cli.option_groups import mistyped, one_of
from signverse.lake.cli.selection_options import selecting
from signverse.lake.cli.shared import DryRunOption, LakeOption, complain, say, writing_rows

if TYPE_CHECKING:
    import polars as pl

    from signverse.lake.lake import Lake
    from signverse.lake.query.output import Format, Output
    from signverse.lake.query.selection import Selection
    from signverse.lake.splits.channels import ChannelList
    from signverse.lake.splits.splits import Plan, Split


def mount(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("split")(split)


@selecting
@writing_rows
def split(
    *,
    context: typer.Context,
    lake: LakeOption,
    name: Annotated[str, typer.Option(metavar="NAME", help="What the split is called.")] = "main",
    by: Annotated[
        str,
        typer.Option(
            metavar="channel|video",
            callback=one_of("channel", "video"),
            help="Unit that is never divided between parts.",
        ),
    ] = "channel",
    ratios: Annotated[
        str, typer.Option(metavar="A/B/C", help="Shares of train, val and test; two numbers: train and test.")
    ] = "90/5/5",
    stratify: Annotated[
        str,
        typer.Option(
            metavar="language|none",
            callback=one_of("language", "none"),
            help="Meet the ratios in each language, or only overall; within 2 points.",
        ),
    ] = "language",
    weight: Annotated[
        str,
        typer.Option(
            metavar="clips|hours|videos", callback=one_of("clips", "hours", "videos"), help="What the shares are of."
        ),
    ] = "clips",
    channels: Annotated[
        Path | None,
        typer.Option(metavar="CSV", help="Channels of videos without one: video_id, channel. They are stored."),
    ] = None,
    from_list: Annotated[
        Path | None,
        typer.Option(
            "--from",
            metavar="CSV",
            help="Store a published split: video_id, split (train, val or test).",
        ),
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Check the stored split instead of making one.")] = False,
    dry_run: DryRunOption = False,
    conditions: Selection,
    rows_to: Output,
) -> None:
    """Split the videos into train, val and test, by channel.

    The lake stores the split: `select --split main=train` takes a part, and the table splits has it in SQL. A split of
    the same name is replaced. All videos are split, or those with a clip that meets the conditions. The seed gives the
    same split on every machine, and when the lake grows nearly every video stays in its part.

    \b
    signverse split --lake LAKE --ratios 90/5/5 --seed 1
    signverse split --lake LAKE --name pilot --by video --language Polish
    signverse split --lake LAKE --from official.csv --name official
    signverse split --lake LAKE --check
    """
    # Long because: its options are declared here.
    from signverse.lake.lake import Lake
    from signverse.lake.model.wording import counted
    from signverse.lake.splits.channels import read_channels, remarks_on
    from signverse.lake.splits.splits import Plan, by_part, check_split, make_split, read_ratios

    with mistyped():
        plan = Plan(name, read_ratios(ratios), by, stratify == "language", weight, conditions.seed or 0)
        plan.check()
    if from_list is not None:
        _refuse_with_from(context)
        _take(lake, from_list, plan, conditions, rows_to, dry_run=dry_run)
        return
    channel_list = read_channels(channels) if channels else None
    opened = Lake.open(lake)
    for remark in remarks_on(opened.snapshot, channel_list) if channel_list else ():
        say(remark)
    if not check:
        made = make_split(opened.snapshot, plan, conditions, channel_list)
        # Written first: where that fails, the lake is left as it was.
        shown = by_part(made)
        if rows_to.form == "table":
            # Split by video, the groups are the videos.
            shown = shown.rename({"groups": "channels"}) if by == "channel" else shown.drop("groups")
        rows_to.write(_in_percent(shown, rows_to.form))
        _store(opened, made, channel_list, dry_run=dry_run)
        return
    report = check_split(opened.snapshot, name, conditions, weight, channel_list)
    rows_to.write(_in_percent(report.rows, rows_to.form))
    for line in report.remarks:
        say(line)
    for line in report.faults:
        complain(line)
    if report.faults:
        complain(f"signverse: split {name} has {counted(len(report.faults), 'fault')}. Make it again: signverse split.")
        raise typer.Exit(1)
    say(f"split {name}: no {report.by} is in two parts, and every video is in the lake")


def _refuse_with_from(context: typer.Context) -> None:
    """Raises BadParameter where options are given that a published split leaves no use for."""
    names = ("by", "ratios", "stratify", "seed", "channels", "check")
    sources = {name: context.get_parameter_source(name) for name in names}
    given = [f"--{name}" for name, source in sources.items() if source is not None and source.name == "COMMANDLINE"]
    if given:
        raise typer.BadParameter(f"the parts are those of the file: leave out {', '.join(given)}", param_hint="--from")


def _take(lake: Path, path: Path, plan: Plan, conditions: Selection, rows_to: Output, *, dry_run: bool) -> None:
    """Stores a published split, except in a dry run, and says what of it the lake has."""
    from signverse.lake.lake import Lake
    from signverse.lake.model.wording import counted
    from signverse.lake.splits.published import read_split_list, take_split
    from signverse.lake.splits.splits import by_part, changes, store

    given = read_split_list(path)
    opened = Lake.open(lake)
    made, remarks = take_split(opened.snapshot, plan.name, given, conditions, plan.weight)
    rows_to.write(_in_percent(by_part(made).drop("groups"), rows_to.form))
    for line in remarks:
        say(line)
    replaced = changes(opened.snapshot, made)
    if not dry_run:
        store(opened.snapshot, made)
    say(f"split {plan.name}: {counted(made.videos.height, 'video')} of the {len(given.parts):,} in {path}")
    if replaced:
        say(replaced)
    if dry_run:
        say("nothing was stored (--dry-run)")


def _in_percent(rows: pl.DataFrame, form: Format) -> pl.DataFrame:
    """A table's shares in percent; the other formats keep the rows as they are."""
    import polars as pl

    if form != "table":
        return rows
    percent = rows.with_columns(pl.col("share") * 100)
    return percent.rename({"share": "share %", "sign_language": "language"}, strict=False)


def _store(lake: Lake, made: Split, channels: ChannelList | None, *, dry_run: bool) -> None:
    """Stores a split, except in a dry run, and prints a summary."""
    from signverse.lake.model.wording import counted
    from signverse.lake.splits.channels import rows_for_sources
    from signverse.lake.splits.splits import TOLERANCE, changes, store
    from signverse.lake.storage.sources import add_sources

    plan = made.plan
    replaced = changes(lake.snapshot, made)
    if not dry_run:
        if channels is not None:
            listed = add_sources(lake.snapshot, rows_for_sources(lake.snapshot, channels))
            say(f"channels of {counted(listed, 'video')} stored in the lake")
        store(lake.snapshot, made)
    of = f" of {counted(made.groups, 'channel')}" if plan.by == "channel" else ""
    wanted = "/".join(f"{share:.3g}" for share in (100 * ratio for _, ratio in plan.ratios))
    say(f"split {plan.name}: {counted(made.videos.height, 'video')}{of}, seed {plan.seed}")
    if replaced:
        say(replaced)
    if made.moved:
        say(f"{counted(made.moved, plan.by)} moved to meet the ratios")
    if made.filled:
        parts = " and ".join(made.filled)
        say(f"1 {plan.by} each in {parts}, which would be empty: there are too few {plan.by}s for {wanted}")
    points = f"{100 * TOLERANCE:g} points of {wanted} by {plan.weight}"
    what = "every language" if plan.stratify else "all together"
    if made.off:
        say(f"not within {points}; moving one or two {plan.by}s did not help:")
        for line in made.off:
            say(f"  {line}")
    else:
        say(f"{what} within {points}")
    if dry_run:
        say("nothing was stored (--dry-run)")
