"""The commands that are disturbed, each on a disk that is prepared once and copied for every trial."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.faults.server import Server
from tests.ingest.shards.made_shards import frame, pack, parts, poses, video

MANIFEST: Final = """video_id,sign_language,title,url
aa,ase,First,https://example.org/aa
bb,bfi,Second,https://example.org/bb
cc,ase,Third,https://example.org/cc
"""


@dataclass(frozen=True)
class Scenario:
    """A command, and how it is judged.

    Attributes:
        name: as the command line of `just faults` has it.
        words: the command; LAKE, OUT and IN stand for folders.
        before: commands that prepare the disk.
        checks: "lake" or "export".
    """

    name: str
    words: tuple[str, ...]
    before: tuple[tuple[str, ...], ...] = ()
    checks: str = "lake"


_SHARDS: Final = ("ingest", "shards", "IN/Sign_DWPose_NPZ_000001.tar", "--lake", "LAKE")
_MORE: Final = ("ingest", "shards", "IN/more", "--lake", "LAKE", "--manifest", "IN/manifest.csv")
_AGAIN: Final = (*_SHARDS, "--redo")
_CLIPS: Final = ("--lake", "LAKE", "--out", "OUT")

SCENARIOS: Final = {
    scenario.name: scenario
    for scenario in (
        Scenario("import-new", _SHARDS),
        Scenario("import-more", _MORE, (_SHARDS,)),
        Scenario("maintain", ("maintain", "--lake", "LAKE", "--retention", "0", "--full"), (_SHARDS, _AGAIN)),
        Scenario("export-shards", ("export", "shards", *_CLIPS), (_MORE,), "export"),
        Scenario("export-consolidated", ("export", "shards", *_CLIPS, "--layout", "consolidated"), (_MORE,), "export"),
        Scenario("export-webdataset", ("export", "webdataset", *_CLIPS), (_MORE,), "export"),
        Scenario("export-parquet", ("export", "parquet", *_CLIPS), (_MORE,), "export"),
        Scenario("export-pose", ("export", "pose", *_CLIPS), (_MORE,), "export"),
        Scenario("export-card", ("export", "parquet", *_CLIPS, "--card"), (_MORE,), "export"),
    )
}


def fill_inputs(folder: Path) -> None:
    """Writes the tars and the manifest that scenarios read."""
    (folder / "more").mkdir(parents=True)
    pack(folder / "Sign_DWPose_NPZ_000001.tar", video("aa"))
    two = poses([frame(0, parts(1.0), parts(2.0)), frame(1), frame(2, parts(3.0))])
    pack(folder / "more" / "Sign_DWPose_NPZ_000002.tar", video("aa") | video("bb", two) | video("cc"))
    (folder / "manifest.csv").write_text(MANIFEST, encoding="utf-8")


@dataclass
class Disk:
    """A scenario with its folders.

    Attributes:
        base: the disk before the command.
        disk: the disk of the trial in hand; what is under it is disturbed.
        words: the command with these folders.
    """

    scenario: Scenario
    root: Path

    def __post_init__(self) -> None:
        self.base, self.disk = self.root / "base", self.root / "disk"
        self.lake, self.out, self.temporary = self.disk / "lake", self.disk / "out", self.disk / "tmp"
        self.words = self._named(self.scenario.words)

    def _named(self, words: tuple[str, ...]) -> list[str]:
        places = {"LAKE": self.lake, "OUT": self.out, "IN": self.root / "in"}
        named = []
        for word in words:
            first, slash, rest = word.partition("/")
            named.append(f"{places[first]}{slash}{rest}" if first in places else word)
        return named

    def prepare(self, ask: Callable[..., dict[str, Any]]) -> None:
        """Makes the base."""
        fill_inputs(self.root / "in")
        self.temporary.mkdir(parents=True)
        for words in self.scenario.before:
            answer = ask("command", words=self._named(words), prefix=str(self.root / "nowhere"))
            assert answer.get("value") == 0, answer
        self.disk.rename(self.base)

    def renew(self) -> None:
        """Puts the disk back to what it was before the command."""
        shutil.rmtree(self.disk, ignore_errors=True)
        shutil.copytree(self.base, self.disk)


def asking(server: Server, disk: Disk, control: Path) -> Callable[..., dict[str, Any]]:
    """`server.ask` with what every request of a scenario has in common."""

    def ask(step: str, **arguments: Any) -> dict[str, Any]:
        if step == "command":
            arguments = {"control": str(control), "prefix": str(disk.disk), **arguments}
        return server.ask(step, disk.temporary, **arguments)

    return ask
