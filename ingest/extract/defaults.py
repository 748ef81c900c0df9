"""The defaults of extraction: a module of its own so that `--help` loads nothing else."""

from __future__ import annotations

from typing import Final

DETECT_EVERY: Final = 6
"""Frames from one detection to the next, a quarter of a second.

Measured by bench/extract.py on seven videos, 641 frames, against detection on every frame: points seen differ by 0.58
pixels in the median, 0.005 and at the 95th percentile 0.034 diagonals of the face's box. Three gives 0.37, 0.003 and
0.028; 12 gives 0.69, 0.006 and 0.040, and saves 3 % of the time more with the models it was measured with.
"""

STALLED_S: Final = 600
"""Seconds without progress after which a video is given up.

A frame of a hundred people takes a slow core half a minute, and TensorRT may build its engine for minutes before the
first.
"""
