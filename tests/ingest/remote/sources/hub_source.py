"""A data set of the fake hub, and the source that reads it."""

from __future__ import annotations

import hashlib

from signverse.ingest.remote.sources.address import open_source
from signverse.ingest.remote.sources.http_limits import Limits
from signverse.ingest.remote.sources.protocols import TarSource
from tests.fakehub.hub import Hub

TAR = b"".join(hashlib.sha256(bytes([number % 256, number // 256])).digest() for number in range(10_000))
QUICK = Limits(wait_s=0.001, longest_wait_s=0.01, answer_s=1.0)


def source_of(hub: Hub, address: str = "owner/name", limits: Limits = QUICK) -> TarSource:
    if "datasets/owner/name" not in hub.repositories:
        hub.put("owner/name", {"dataset/000001.tar": TAR, "dataset/000002.tar": b"two", "state.json": b"{}"})
    return open_source(address, limits=limits)
