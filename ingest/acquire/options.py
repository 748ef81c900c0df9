"""What the options of `ingest download` and `ingest run` ask for. Imported at every start: nothing heavy here."""

from __future__ import annotations

from dataclasses import dataclass

from signverse.ingest.acquire.download.settings import Settings
from signverse.ingest.acquire.scheduling.limits import STALLED_S


@dataclass(frozen=True)
class Acquisition:
    """What the options of a download ask for.

    Attributes:
        settings: for the download workers.
        languages: codes of sign languages; empty for all.
        limit: how many videos are tried at most; None for all.
        parallel: download workers.
        attempts, first_pause_s, keep_going, keep_free: see `scheduling.limits.Limits`.
        slice: number and count of --slice.
        retry: outcomes to try again at once.
        memory_mb: MB of memory that each download worker may take; None for what suits the machine.
        stalled_s: seconds without progress after which a download is given up.
    """

    settings: Settings
    languages: frozenset[str]
    limit: int | None
    parallel: int
    attempts: int
    first_pause_s: float
    keep_going: bool
    keep_free: int
    slice: tuple[int, int]
    retry: tuple[str, ...]
    memory_mb: int | None = None
    stalled_s: float = STALLED_S
