"""Random samples of clips: by seed, the same on every machine, and stable while the lake grows.

A clip's rank is the MD5 of the seed and its segment_id, independent of the other clips. So a sample of a lake that has
grown is much the same, and a larger sample contains the smaller one.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from signverse.lake.model.frame_ranges import FPS
from signverse.lake.query.selection import Selection

_FRAMES_PER_HOUR: Final = FPS * 3600


def sample(clips: pl.DataFrame, selection: Selection) -> pl.DataFrame:
    """Draws clips at random; they keep their order.

    Args:
        clips: with segment_id, sign_language and num_frames.
        selection: `per_language` is applied first, then `hours`, then `limit`; `temperature` shapes hours, or the limit
            if there are no hours; `seed` is 0 by default.
    """
    # As 64 bits: sums of frames pass 2^31 at 24,855 hours.
    frames = pl.col("num_frames").cast(pl.Int64)
    drawn = clips.select("segment_id", "sign_language", frames, clip=pl.lit(1, pl.Int64)).with_row_index("row")
    drawn = drawn.with_columns(rank=_ranks(drawn, selection.seed or 0)).sort("rank", "segment_id")
    if selection.per_language is not None:
        drawn = drawn.filter(pl.int_range(pl.len()).over("sign_language") < selection.per_language)
    if selection.hours is not None:
        drawn = _first_by_rank(drawn, "num_frames", float(selection.hours) * _FRAMES_PER_HOUR, selection.temperature)
    if selection.limit is not None:
        temperature = selection.temperature if selection.hours is None else None
        if temperature is None:
            drawn = drawn.head(selection.limit)
        else:
            drawn = _first_by_rank(drawn, "clip", float(selection.limit), temperature)
    return clips[drawn["row"].sort()]


def _ranks(clips: pl.DataFrame, seed: int) -> pl.Series:
    """A number of 64 bits for each clip."""
    # Imported here for speed of start: most selections draw nothing.
    import duckdb

    with duckdb.connect() as con:
        con.register("clips", clips.select("segment_id"))
        rows = con.sql("select md5_number_lower($1 || ':' || segment_id) as rank from clips", params=[str(seed)])
        ranks: pl.DataFrame = rows.pl()
        return ranks["rank"].cast(pl.UInt64)


def _first_by_rank(drawn: pl.DataFrame, unit: str, total: float, temperature: float | None) -> pl.DataFrame:
    """The first clips of every language by rank, so that their sum of `unit` is the language's share of the total.

    Args:
        drawn: sorted by rank.
        unit: the column that is summed: num_frames, or clip (1 each).
        total: the sum over all languages; everything if there is less.
        temperature: languages have shares proportional to their sum to this power; None ignores the language.
    """
    if temperature is None:
        return drawn.filter(_within(pl.col(unit).cum_sum(), pl.col(unit), pl.lit(total)))
    sums = drawn.group_by("sign_language").agg(pl.col(unit).sum().alias("available")).sort("sign_language")
    quotas = _quotas(sums["available"].to_numpy().astype(float), total, temperature)
    if unit == "clip":
        quotas = _rounded(quotas, round(min(total, quotas.sum())))
    by_language = sums.with_columns(quota=pl.Series(quotas)).drop("available")
    with_quota = drawn.join(by_language, on="sign_language", how="left", maintain_order="left", nulls_equal=True)
    return with_quota.filter(_within(pl.col(unit).cum_sum().over("sign_language"), pl.col(unit), pl.col("quota")))


def _within(cumulative: pl.Expr, size: pl.Expr, quota: pl.Expr) -> pl.Expr:
    """Whether more than half of a clip lies within the quota: the clips for which this holds come nearest to it."""
    return cumulative - size / 2 < quota


def _quotas(available: npt.NDArray[np.float64], total: float, temperature: float) -> npt.NDArray[np.float64]:
    """Divides a total in proportion to available^temperature; what a language lacks goes to the others.

    Args:
        available: [L] of each language, more than 0.
        total: to divide; all that is available if that is less.

    Returns:
        [L] the quota of each language; together the total.
    """
    weights = available**temperature
    quotas = np.zeros(len(available))
    is_open = np.ones(len(available), bool)
    rest = min(total, float(available.sum()))
    while is_open.any() and rest > 0:
        share = rest * weights * is_open / weights[is_open].sum()
        is_full = is_open & (quotas + share >= available)
        if not is_full.any():
            return np.asarray(quotas + share)
        rest -= float((available - quotas)[is_full].sum())
        quotas[is_full] = available[is_full]
        is_open &= ~is_full
    return quotas


def _rounded(quotas: npt.NDArray[np.float64], total: int) -> npt.NDArray[np.float64]:
    """Quotas as whole numbers of the same sum: the largest remainders are rounded up, ties by language."""
    whole = np.floor(quotas + 1e-9)
    rest = total - int(whole.sum())
    up = np.argsort(-(quotas - whole), kind="stable")[: max(0, rest)]
    whole[up] += 1
    return whole
