"""What a DataLoader asks an iterable dataset for.

PyTorch gives `len(loader)` as the clips of a dataset divided by the batch size. That is true only if no batch but the
last is smaller, for which workers must divide whole batches; but a DataLoader tells an iterable dataset the number of
workers and not the batch size. The object that collects a batch in a worker process knows it, and is the caller.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass


@dataclass(frozen=True)
class BatchRequest:
    """Options of the DataLoader that asks for clips.

    Attributes:
        batch_size: clips in a batch, 1 where it makes none.
        drop_last: whether it leaves out a batch that is smaller.
    """

    batch_size: int
    drop_last: bool


def requested_batch() -> BatchRequest | None:
    """The batch that the calling code is asked for by a DataLoader; None where no DataLoader can be seen to ask."""
    # Here, as PyTorch may be missing.
    from torch.utils.data._utils.fetch import _IterableDatasetFetcher

    collecting = _IterableDatasetFetcher.fetch.__code__
    frame = sys._getframe(1)
    # Not the direct caller where another dataset wraps ours.
    while frame.f_code is not collecting:
        if frame.f_back is None:
            return None
        frame = frame.f_back
    # By place: PyTorch may rename its arguments.
    fetcher, wanted = (frame.f_locals[name] for name in collecting.co_varnames[:2])
    return BatchRequest(len(wanted) if fetcher.auto_collation else 1, fetcher.auto_collation and fetcher.drop_last)
