"""Taking some clips of many at random: by seed, the same on every machine, and steady while the lake grows.

A clip's place in the lottery is the MD5 of the seed and its segment_id: it does not depend on what else is there. So a
sample of a lake that has grown is much the same, and a larger sample holds the smaller one.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from signverse.lake.model.skeleton import FPS
from signverse.lake.query.selection import Selection

_FRAMES_AN_HOUR: Final = FPS * 3600


def sample(clips: pl.DataFrame, selection: Selection) -> pl.DataFrame:
    """The clips that chance takes, in the order in which they came.

    Args:
        clips: with segment_id, sign_language and num_frames.
        selection: `per_language`, then `hours`, then `limit`; `temperature` shapes hours, or the limit where there are
            no hours; `seed` is 0 by default.
    """
    # As 64 bits: sums of frames pass 2^31 at 24,855 hours.
    frames = pl.col("num_frames").cast(pl.Int64)
    drawn = clips.select("segment_id", "sign_language", frames).with_row_index("row")
    drawn = drawn.with_columns(lot=_lots(drawn, selection.seed or 0)).sort("lot", "segment_id")
    if selection.per_language is not None:
        drawn = drawn.filter(pl.int_range(pl.len()).over("sign_language") < selection.per_language)
    if selection.hours is not None:
        drawn = _share_out(drawn, "num_frames", selection.hours * _FRAMES_AN_HOUR, selection.temperature)
    if selection.limit is not None:
        shaped = selection.temperature if selection.hours is None else None
        drawn = (
            _share_out(drawn, "one", float(selection.limit), shaped)
            if shaped is not None
            else drawn.head(selection.limit)
        )
    return clips[drawn["row"].sort()]


def _lots(clips: pl.DataFrame, seed: int) -> pl.Series:
    """A number of 64 bits for each clip."""
    import duckdb

    with duckdb.connect() as con:
        con.register("clips", clips.select("segment_id"))
        rows = con.sql("select md5_number_lower($1 || ':' || segment_id) as lot from clips", params=[str(seed)])
        lots: pl.DataFrame = rows.pl()
        return lots["lot"].cast(pl.UInt64)


def _share_out(drawn: pl.DataFrame, unit: str, total: float, temperature: float | None) -> pl.DataFrame:
    """The first clips of every language by lot, so that its sum of `unit` is its share of the total.

    Args:
        drawn: by lot.
        unit: num_frames, or one.
        total: what is taken of all languages together; less where there is less.
        temperature: shares are what there is to this power.
    """
    drawn = drawn.with_columns(one=pl.lit(1, pl.Int64))
    if temperature is None:
        # No shape is asked for: by lot alone, whatever the language.
        return drawn.filter(_until(pl.col(unit).cum_sum(), pl.col(unit), pl.lit(total)))
    there = drawn.group_by("sign_language").agg(pl.col(unit).sum().alias("there")).sort("sign_language")
    quotas = fill(there["there"].to_numpy().astype(float), total, temperature)
    if unit == "one":
        quotas = _whole(quotas, round(min(total, quotas.sum())))
    by_language = there.with_columns(quota=pl.Series(quotas)).drop("there")
    with_quota = drawn.join(by_language, on="sign_language", how="left", maintain_order="left", nulls_equal=True)
    reached = pl.col(unit).cum_sum().over("sign_language")
    return with_quota.filter(_until(reached, pl.col(unit), pl.col("quota")))


def _until(reached: pl.Expr, each: pl.Expr, quota: pl.Expr) -> pl.Expr:
    """Whether a clip belongs to the first ones that come nearest to the quota: more than half of it lies within."""
    return reached - each / 2 < quota


def fill(there: npt.NDArray[np.float64], total: float, temperature: float) -> npt.NDArray[np.float64]:
    """Shares out a total in proportion to there^temperature; what one does not have goes to the others.

    Args:
        there: [L] what there is of each language, more than 0.
        total: what is shared out; all where there is less.

    Returns:
        [L] what each gives; together the total.
    """
    weights = there**temperature
    given = np.zeros(len(there))
    open_ = np.ones(len(there), bool)
    left = min(total, float(there.sum()))
    while open_.any() and left > 0:
        share = left * weights * open_ / weights[open_].sum()
        full = open_ & (given + share >= there)
        if not full.any():
            return np.asarray(given + share)
        left -= float((there - given)[full].sum())
        given[full] = there[full]
        open_ &= ~full
    return given


def _whole(quotas: npt.NDArray[np.float64], total: int) -> npt.NDArray[np.float64]:
    """Quotas as whole numbers of the same sum, the largest remainders rounded up; ties by language."""
    down = np.floor(quotas + 1e-9)
    rest = total - int(down.sum())
    up = np.argsort(-(quotas - down), kind="stable")[: max(0, rest)]
    down[up] += 1
    return down
