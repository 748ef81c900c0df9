"""People who never move, such as the picture of a presenter: they do not sign, if someone else does.

A person moves where a joint leaves its place relative to the head and the shoulders. The whole person may be moved
about, enlarged and tilted, as a still picture is by a slow pan or zoom: before places are compared, the frames are
brought into one position, size and tilt by the head and the shoulders. The model's jitter is averaged away over half a
second.

Measured on 27 compositions of three to four seconds (as in bench/still_pictures.py: frozen, noisy, shaken, tilted,
panned and zoomed pictures of more than 250 pixels, encoded at x264's CRF 30 to 40), the farthest of all windows, in
heights of the person: wrists of pictures leave their places by up to 0.036, those of most signers by 0.16 and more,
and by 0.044 of one who hardly moves; fingertips by 0.049 (by 0.08 in one noisy picture, which is taken for a person),
and 0.054 to 0.5; head and shoulders by 0.025, and 0.013 to 0.04.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from signverse.ingest.tracking.detections import TRACKED_JOINTS, Detections
from signverse.ingest.tracking.tracker import Tracks

# Rows that are averaged: the jitter of half a second.
_WINDOW: Final = 12
# A second and a half: in a shorter track a signer may as well hold a sign.
_MIN_WINDOWS: Final = 3
# Five seconds: a track that is still for so long is hardly that of a signer who pauses.
_LONG: Final = 120
# Of a track of hours this many windows are looked at, 23 minutes of them.
_MOST_WINDOWS: Final = 2760
# A window's place of a joint is known from this many of its rows.
_MIN_KNOWN: Final = 4
# Single fingertips of a picture may leap, where the hand is half hidden.
_MIN_TIPS: Final = 3

# How far a joint of someone who does not move may be from its place, in heights of the person: head and shoulders;
# elbows, which a zoom moves out of the picture; wrists; the fingertips of each hand, their median.
_STILL: Final = np.repeat([0.03, 0.12, 0.04, 0.05], [len(TRACKED_JOINTS), 2, 2, 2])
# Head and shoulders alone, where no arm is in view: a signer's are at rest but for the arms.
_STILL_ALONE: Final = 0.012
# One window in twenty may say otherwise: something passes in front of a picture.
_STILL_SHARE: Final = 0.95

# Someone moves their hands whose wrists or fingertips are this far from their places, in one window in ten.
_MOVED: Final = np.repeat([0.06, 0.14], 2)
_MOVED_SHARE: Final = 0.1
# Of people this small beside the tallest, or of such hands, it is jitter.
_MIN_HEIGHT: Final = 0.07
_MIN_HANDS: Final = 0.1
# They are there in this share of the frames: who walks by does not outweigh a signer who waits.
_MIN_PRESENCE: Final = 0.1

_TRUNK: Final = slice(0, len(TRACKED_JOINTS))
_LIMBS: Final = slice(len(TRACKED_JOINTS), None)
_HANDS: Final = slice(len(TRACKED_JOINTS) + 2, None)
_TIPS: Final = slice(len(TRACKED_JOINTS) + 4, None)


@dataclass(frozen=True)
class Stillness:
    """Which rows are of people who do not move.

    Attributes:
        still: bool [N], rows of tracks that do not move; none if nobody moves their hands.
        judged: bool [N], rows of tracks that are long enough to tell.
        long: bool [N], the still rows of tracks so long that it is hardly a pause.
    """

    still: NDArray[np.bool_]
    judged: NDArray[np.bool_]
    long: NDArray[np.bool_]

    @classmethod
    def none(cls, count: int) -> Stillness:
        """Nobody is still, in `count` rows."""
        return cls(*(np.zeros(count, np.bool_) for _ in range(3)))

    def of_people(self, people: NDArray[np.int64]) -> NDArray[np.bool_]:
        """The rows of people none of whose tracks moves, bool [N]; a pause between cuts is not enough.

        Args:
            people: int64 [N], the person of each row.
        """
        judged, still = np.bincount(people, self.judged), np.bincount(people, self.still)
        whole: NDArray[np.bool_] = ((judged > 0) & (still >= _STILL_SHARE * judged))[people]
        return whole


def find_still(detections: Detections, tracks: Tracks) -> Stillness:
    """Which tracks do not move."""
    still = np.zeros(len(detections.frames), np.bool_)
    judged, long = np.zeros_like(still), np.zeros_like(still)
    moving = np.zeros_like(still)
    if not tracks.track_ids.any():
        # In a video of one track nobody else can sign.
        return Stillness.none(len(still))
    tallest = detections.heights.max(initial=0)
    order = np.argsort(tracks.track_ids, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(tracks.track_ids[order])) + 1):
        if len(rows) < _MIN_WINDOWS * _WINDOW:
            continue
        distances = _distances(detections, _sampled(rows))
        at_rest = _at_rest(distances)
        if len(at_rest) < _MIN_WINDOWS:
            # The person is too seldom recognisable.
            continue
        judged[rows] = True
        still[rows] = at_rest.mean() >= _STILL_SHARE
        long[rows] = still[rows[0]] and len(rows) >= _LONG
        with np.errstate(invalid="ignore"):
            moved = (distances[:, _HANDS] > _MOVED).any(axis=1).mean()
        plain = detections.heights[rows].mean() >= _MIN_HEIGHT * tallest and detections.hands[rows].mean() >= _MIN_HANDS
        moving[rows] = not still[rows[0]] and plain and moved >= _MOVED_SHARE
    frames = np.unique(detections.frames)
    present = len(np.unique(detections.frames[moving]))
    if present < max(1, _MIN_PRESENCE * len(frames)):
        return Stillness.none(len(still))
    return Stillness(still, judged, long)


def _sampled(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """The rows of a track; of one of hours whole windows, evenly spaced, as many as fit into memory."""
    windows = len(rows) // _WINDOW
    if windows <= _MOST_WINDOWS:
        return rows
    chosen = np.linspace(0, windows - 1, _MOST_WINDOWS).astype(np.int64)
    sample: NDArray[np.int64] = rows[(chosen[:, None] * _WINDOW + np.arange(_WINDOW)).reshape(-1)]
    return sample


def _at_rest(distances: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether each window is one of someone who does not move; windows in which nothing is known are left out."""
    known = ~np.isnan(distances)
    distances, known = distances[known.any(axis=1)], known[known.any(axis=1)]
    with np.errstate(invalid="ignore"):
        rest = ~(distances > _STILL).any(axis=1)
        alone = ~(distances[:, _TRUNK] > _STILL_ALONE).any(axis=1)
    found: NDArray[np.bool_] = np.logical_and(rest, known[:, _LIMBS].any(axis=1) | alone)
    return found


def _distances(detections: Detections, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """How far the joints of a track are from their median places, window by window.

    Args:
        rows: of the track, by frame.

    Returns:
        float64 [W, 18], in heights of the person: the TRACKED_JOINTS, the elbows and wrists, and the median fingertip
        of the left hand and of the right; nan where unknown.
    """
    read = [detections.read_rows(points, rows) for points in (detections.joints, detections.limbs)]
    points = np.concatenate(read, axis=1).astype(np.float64)
    places, scale = _aligned(points[..., 0] + 1j * points[..., 1])
    height = np.nanmedian(detections.heights[rows] * scale) if np.isfinite(scale).any() else np.nan
    # The last rows, fewer than a window, are left out.
    windows = places[: len(rows) // _WINDOW * _WINDOW].reshape(-1, _WINDOW, places.shape[1])
    averaged = _median(windows, axis=1, known=_MIN_KNOWN)
    distances: NDArray[np.float64] = np.abs(averaged - _median(averaged)) / height
    tips = distances[:, _TIPS].reshape(len(distances), 2, -1)
    enough = (~np.isnan(tips)).sum(axis=-1) >= _MIN_TIPS
    median_tip = np.where(enough, _known_median(tips, axis=-1), np.nan)
    return np.concatenate([distances[:, : _TIPS.start], median_tip], axis=1)


def _aligned(places: NDArray[np.complex128]) -> tuple[NDArray[np.complex128], NDArray[np.float64]]:
    """Points brought into one position, size and tilt by the head and the shoulders (least squares).

    Args:
        places: complex [T, K], x + iy, the TRACKED_JOINTS first; nan where unknown.

    Returns:
        complex [T, K], nan where fewer than four of the head and the shoulders are known; and float [T], the factors by
        which sizes changed.
    """
    trunk = places[:, : len(TRACKED_JOINTS)]
    model = trunk[np.argmax((~np.isnan(trunk)).sum(axis=1))]
    for _ in range(2):
        # The model is a single frame first, and then the median of the aligned ones.
        known = ~np.isnan(trunk) & ~np.isnan(model)
        count = np.maximum(known.sum(axis=1), 1)[:, None]
        model_middle = np.where(known, model, 0).sum(axis=1)[:, None] / count
        middle = np.where(known, trunk, 0).sum(axis=1)[:, None] / count
        offset, model_offset = np.where(known, trunk - middle, 0), np.where(known, model - model_middle, 0)
        size = (np.abs(model_offset) ** 2).sum(axis=1)
        turn = (np.conj(model_offset) * offset).sum(axis=1)
        factor = np.where((count[:, 0] >= 4) & (np.abs(turn) > 0), size / np.where(turn == 0, 1, turn), np.nan)[:, None]
        aligned = (places - middle) * factor + model_middle
        model = _median(aligned[:, : len(TRACKED_JOINTS)])
    return aligned, np.abs(factor[:, 0])


def _median(places: NDArray[np.complex128], axis: int = 0, known: int = 1) -> NDArray[np.complex128]:
    """The medians of x and of y over an axis, nan where fewer than `known` are known."""
    median: NDArray[np.complex128] = _known_median(places.real, axis) + 1j * _known_median(places.imag, axis)
    enough = (~np.isnan(places)).sum(axis=axis) >= known
    # Of a complex nan both parts must be nan.
    return np.where(enough, median, complex(np.nan, np.nan))


def _known_median(values: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
    """The median of what is not nan; nan of nothing. `np.nanmedian` takes five times as long over short axes."""
    # nan is sorted to the end.
    ordered = np.sort(values, axis=axis)
    count = (~np.isnan(values)).sum(axis=axis, keepdims=True)
    middle = [np.take_along_axis(ordered, np.maximum(at, 0), axis) for at in ((count - 1) // 2, count // 2)]
    median: NDArray[np.float64] = (middle[0] + middle[1]).squeeze(axis) / 2
    return median
