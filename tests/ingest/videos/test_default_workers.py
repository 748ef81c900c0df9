"""How many processes extract, and with how many threads each."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from signverse.ingest.models import devices
from signverse.ingest.models.pair import ModelPair
from signverse.ingest.videos.workers import default_workers, extraction_pool


def test_the_cpu_gets_a_process_a_core_and_a_card_one_process_with_several_videos(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cores = len(os.sched_getaffinity(0))
    assert default_workers(100, "cpu") == (cores, 1)
    assert default_workers(1, "cpu") == (1, cores)
    assert default_workers(0, "cpu") == (1, cores)
    monkeypatch.setattr("signverse.ingest.videos.workers.available_cores", lambda: 24)
    monkeypatch.setattr(devices, "nvidia_driver", lambda: devices.Driver((devices.Card("one", 1),) * 2, (13, 0)))
    assert default_workers(100, "cuda") == (16, 2)
    assert default_workers(100, "tensorrt:1") == (8, 2)
    assert default_workers(3, "cuda") == (3, 2)
    monkeypatch.setattr("signverse.ingest.videos.workers.available_cores", lambda: 4)
    assert default_workers(100, "cuda") == (4, 2)


def test_each_card_has_one_process_of_workers_and_the_cpu_a_process_a_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[tuple[int, list[str]]] = []
    monkeypatch.setattr(
        "signverse.lake.jobs.pool.LocalEngine.executor",
        lambda _, size, make, per_process, memory_mb: made.append((size, [arguments[1] for arguments in per_process])),
    )
    monkeypatch.setattr(devices, "nvidia_driver", lambda: devices.Driver((devices.Card("one", 1),) * 2, (13, 0)))
    pair = ModelPair(Path("d"), Path("p"))
    for device in ("cuda", "tensorrt:1", "cpu"):
        extraction_pool(3, pair, device, 2, 6, False)
    extraction_pool(1, pair, "cuda", 2, 6, False)
    assert made == [(3, ["cuda:0", "cuda:1"]), (3, ["tensorrt:1"]), (3, ["cpu"] * 3), (1, ["cuda:0"])]
