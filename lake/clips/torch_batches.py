"""What a DataLoader asks an iterable dataset for.

PyTorch gives `len(loader)` as the clips of a dataset divided by the batch size. That is true only if no batch but the
last is smaller, for which workers must divide whole batches; but a DataLoader tells an iterable dataset the number of
workers and not the batch size. The object that collects a batch in a worker process knows it, and is the caller.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from types import FrameType
from typing import Any


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
    """The batch that the calling code is asked for by a DataLoader; None where no DataLoader can be seen to ask.

    Also None where a later PyTorch has this object elsewhere, or calls its parts otherwise: it is private to PyTorch.
    """
    try:
        # Here, as PyTorch may be missing.
        from torch.utils.data._utils.fetch import _IterableDatasetFetcher
    except ImportError:
        return None
    frame: FrameType | None = sys._getframe(1)
    # Not the direct caller where another dataset wraps ours.
    while frame is not None:
        if frame.f_code is _IterableDatasetFetcher.fetch.__code__:
            return _request(*(frame.f_locals.get(name) for name in frame.f_code.co_varnames[:2]))
        frame = frame.f_back
    return None


def _request(fetcher: Any, indices: Any) -> BatchRequest | None:
    """What a call of `fetch` asks for.

    Args:
        indices: a list as long as the batch; None where clips come one by one.
    """
    try:
        size = len(indices) if fetcher.auto_collation else 1
        return BatchRequest(size, bool(fetcher.auto_collation and fetcher.drop_last))
    except (AttributeError, TypeError):
        return None
