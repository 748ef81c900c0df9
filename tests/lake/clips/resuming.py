"""A stateful loader of batches that is stopped, saved and resumed by another."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any


def read_and_resumed(loader: Callable[[], Any], stop: int) -> tuple[list[Any], list[Any]]:
    """The first `stop` batches of a loader, and those of another one that goes on from its saved state."""
    import torch

    first = loader()
    batches = iter(first)
    read = [next(batches) for _ in range(stop)]
    kept = io.BytesIO()
    torch.save(first.state_dict(), kept)
    kept.seek(0)
    after = loader()
    after.load_state_dict(torch.load(kept))
    return read, list(after)
