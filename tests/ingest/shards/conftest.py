"""What tests of shards share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from signverse.lake.lake import Lake
from tests.ingest.shards.made_shards import pack


@pytest.fixture
def brought_in(tmp_path: Path, signverse) -> Callable[..., tuple[int, list[str], list[str]]]:
    """Imports a tar of members; gives the exit code, the ids in the lake and the lines about failures."""

    def bring(members: dict[str, Any], *options: object) -> tuple[int, list[str], list[str]]:
        path = pack(tmp_path / "Sign_DWPose_NPZ_000001.tar", members)
        code, out, err = signverse("ingest", "shards", path, "--lake", tmp_path / "lake", *options)
        assert out == ""
        failures = [line for line in err.splitlines() if ": failed: " in line]
        # All that is said besides: how many came in, and where to look.
        # The summary in a line or two, without a line for any of those that came in; its parts are indented. How a
        # manifest was read comes before.
        others = [line for line in err.splitlines() if line not in failures and not line.startswith("  ")]
        summary = [line for line in others if "(CSV in UTF-8" not in line]
        assert len(summary) == 1 + (code == 1)
        return code, Lake.open(tmp_path / "lake").snapshot.visible()["video_id"].to_list(), failures

    return bring
