"""Whether anything of forgotten videos is left: every file of a folder, every byte of it, unpacked too."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from signverse.lake.model.wording import printable, some
from signverse.lake.storage.forgotten import tombstones
from signverse.lake.upkeep.forget.needles import Needles
from signverse.lake.upkeep.forget.search import UnreadableError, found_in_file


@dataclass
class Searched:
    """What was looked through.

    Attributes:
        files, size: how many files, and their bytes.
        found: in how many of them each video was.
    """

    files: int = 0
    size: int = 0
    found: Counter[str] = field(default_factory=Counter)


def what_is_left(
    folder: Path, needles: Needles, searched: Searched, on_bytes: Callable[[int], None] = lambda _: None
) -> Iterator[str]:
    """What of forgotten videos is left in a folder, a line a file that holds any, or that cannot be unpacked.

    Args:
        folder: a lake, an export, or any other; links to folders are not followed.
        searched: takes what was looked through.
        on_bytes: called with the bytes of each file.
    """
    for path in sorted(files_in(folder)):
        inside = path.relative_to(folder).as_posix()
        try:
            size = path.stat().st_size
            found = needles.in_text(inside) | found_in_file(path, needles)
            if path.suffix == ".pose":
                # VIDEO_ID/SEGMENT_ID.pose
                found |= needles.in_values([inside])
        except UnreadableError as error:
            yield f"{error}: whether it holds a forgotten video is not known"
            continue
        except FileNotFoundError:
            # Of a process at work.
            continue
        except OSError as error:
            yield f"{path} cannot be read ({error.strerror}): whether it holds a forgotten video is not known"
            continue
        searched.files += 1
        searched.size += size
        searched.found.update(found)
        on_bytes(size)
        if found:
            yield f"{path} holds {some([printable(each) for each in sorted(found)])}"
    if (folder / tombstones.FOLDER).is_dir() and tombstones.pending(folder):
        yield f"{folder}: a forgetting was interrupted: run signverse forget again"


def files_in(folder: Path) -> Iterator[Path]:
    """The files in a folder, those in its folders too."""
    for where, _, names in os.walk(folder):
        for name in names:
            path = Path(where, name)
            if path.is_file():
                yield path
