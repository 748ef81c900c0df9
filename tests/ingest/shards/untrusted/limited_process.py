"""Reading npz files in a process of its own that cannot have much memory, and how far it grew."""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tests.ingest.shards.untrusted.npz_files import objects, saved

READ_ALL = """
import sys
from bench.memory import peak_mb
from signverse.ingest.shards.untrusted.npz_reader import read_npz
from signverse.lake.model.errors import BadInputError
honest, *paths = sys.argv[1:]
read_npz(open(honest, "rb").read(), "honest")
room = peak_mb()
for path in paths:
    data = open(path, "rb").read()
    try:
        read_npz(data, "x")
        print("taken", path)
    except BadInputError as error:
        print("refused", error)
print(peak_mb() - room)
"""


def read_all(paths: Sequence[Path], folder: Path, *, address_space: int) -> tuple[list[str], float]:
    """What becomes of files, a line each, and the MB that the process grew by after it had read an honest one."""
    honest = folder / "honest.npz"
    honest.write_bytes(saved(frames=objects({"a": np.arange(3)}, {"a": np.arange(3)})))
    ran = subprocess.run(
        [sys.executable, "-c", READ_ALL, honest, *paths],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[4],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (address_space, address_space)),
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    *lines, grown = ran.stdout.splitlines()
    return lines, float(grown)
