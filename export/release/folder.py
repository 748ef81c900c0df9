"""The folder of an export: writing it, and resuming it after an interruption.

An export is written in units, such as one tar. Beside the files lie `.export.json`, which says what is exported,
and a note for each unit that is finished. At the end index.csv, members.parquet (of shards) and SHA256SUMS replace
these. All is on disk before it counts, so that an export which was said to be finished survives a power cut.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import tarfile
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, Generic, Protocol, TypeVar

from signverse.export.formats.format import File, FolderRules, Written
from signverse.export.formats.index_rows import BESIDE, INDEX, MAX_LISTING, MEMBERS, SUMS, Row, index_row
from signverse.export.formats.registry import FOLDERS
from signverse.export.release.index import write_index
from signverse.export.release.members import places_in, write_members
from signverse.export.writers.tar_writer import Place
from signverse.lake.jobs.executor import UNLIMITED, Engine, Job, Report, WorkerLimits
from signverse.lake.jobs.pool import LOCAL
from signverse.lake.lake import Lake
from signverse.lake.model.errors import BadInputError, SignverseError
from signverse.lake.model.interrupt import held
from signverse.lake.model.places import as_shown
from signverse.lake.model.untrusted.regular_files import read_regular
from signverse.lake.model.wording import some
from signverse.lake.storage.integrity.sync import make_durable_folder, sync_folder, sync_names
from signverse.lake.storage.location import check_outside_lakes
from signverse.lake.storage.temporary.leftovers import clear_halves, name_of_half
from signverse.lake.storage.temporary.whole_file import whole_file

R = TypeVar("R", bound=Row)

_STATE: Final = ".export.json"
_NOTE: Final = ".done.json"


class Unit(Protocol):
    """A part of an export that is written or missing as a whole."""

    @property
    def name(self) -> str:
        """Its name, unique among the units."""

    @property
    def size(self) -> int:
        """About how many bytes it will take."""


U = TypeVar("U", bound=Unit)

WriteBeside = Callable[[Path, Sequence[File]], Mapping[str, str]]
"""Writes files beside the content of an export, given its folder and its files; returns their sums, by path."""


def fingerprint(lake: Lake, settings: Mapping[str, Any], content: Iterable[Sequence[Any]]) -> str:
    """What is exported and how: two runs with the same fingerprint write the same units.

    Args:
        settings: how it is written.
        content: what of the lake is written, in order.
    """
    digest = hashlib.sha256()
    for item in content:
        digest.update(json.dumps(item).encode())
    state = {
        "lake": as_shown(str(lake.folder.resolve())),
        # Another version may write other bytes: their units must not be mixed.
        "version": version("signverse-lake"),
        **settings,
        "content": digest.hexdigest(),
    }
    return json.dumps(state, indent=1) + "\n"


@dataclass(frozen=True)
class Folder(Generic[R]):
    """The folder of an export of one kind."""

    out: Path
    rules: FolderRules[R]

    def prepare(self, units: Sequence[Unit], state: str, *, overwrite: bool) -> list[Written[R]]:
        """Make the folder; returns the units of the same export that an earlier run finished.

        Args:
            state: see `fingerprint`.

        Raises:
            BadInputError: it holds another export, or the disk has too little room.
        """
        out = self.out
        check_outside_lakes(out)
        if out.is_dir():
            # Of a run that was killed before anything was finished, nothing else is there: it began no export.
            clear_halves(out)
        earlier = set(_ours(out)) if out.is_dir() else set()
        foreign = _foreign(out, earlier)
        if "card" in json.loads(state):
            foreign += sorted(name for name in BESIDE - earlier if (out / name).exists())
        if foreign:
            # Such as downloaded release tars, which have the same names: --overwrite would remove them.
            raise BadInputError(
                f"{out} holds files named like those of an export that signverse did not write: {some(foreign)}",
                "Name another folder.",
            )
        same = _same(out / _STATE, state)
        if earlier and not overwrite and not same:
            what = "an export already" if SUMS in earlier else "an unfinished export of something else"
            raise BadInputError(f"{out} holds {what}", "Name another folder, or give --overwrite.")
        # With --overwrite too: the same command resumes, also one that was ended at its very end.
        done = [written for unit in units if (written := self._read_note(unit.name))] if same else []
        stale = earlier - {file.name for written in done for file in written.files}
        stale -= {_note_name(written.name) for written in done}
        finished = {written.name for written in done}
        needed = sum(unit.size for unit in units if unit.name not in finished)
        # The folder is made once nothing speaks against the export: a refusal leaves nothing behind.
        there = next(place for place in (out, *out.absolute().parents) if place.exists())
        room = shutil.disk_usage(there).free + sum((out / name).stat().st_size for name in stale)
        if needed > room:
            raise BadInputError(
                f"{out} has room for {room / 1e9:,.1f} GB, the export may take {needed / 1e9:,.1f} GB",
                "Free some space, or select less.",
            )
        try:
            make_durable_folder(out)
        except OSError as error:
            raise BadInputError(f"the folder {out} cannot be made: {error.strerror}") from None
        _remove(out, stale)
        with whole_file(out / _STATE) as file:
            file.write(state.encode())
        # Before the first file: without it they would be taken for another's.
        with _failing(out):
            sync_folder(out)
        return done

    def write(
        self,
        lake: Lake,
        units: Sequence[U],
        write: Callable[[Lake, Path, U], Written[R]],
        *,
        done: Sequence[Written[R]] = (),
        workers: int = 1,
        limits: WorkerLimits = UNLIMITED,
        engine: Engine = LOCAL,
        on_unit: Callable[[Written[R]], None] | None = None,
        beside: WriteBeside | None = None,
    ) -> list[R]:
        """Write units, then members.parquet (of shards), index.csv and SHA256SUMS; returns the rows of the index.

        After a kill the next run writes the missing units only, see `prepare`; an error or Ctrl-C leaves no part of an
        unfinished unit.

        Args:
            write: writes one unit to the folder; where there are several workers it and the units are pickled.
            done: units of this export that an earlier run wrote.
            workers: units written at once, each by a process of its own where there are several, or limits.
            limits: what each of these processes may take; it reports when a unit is written.
            engine: where these processes run.
            on_unit: called with each finished unit.
            beside: writes the card and what belongs to it, when all units are there; returns the sums of its files.
        """
        finished = {written.name: written for written in done}
        missing = [unit for unit in units if unit.name not in finished]
        try:
            # Closed before the sweep: the workers are gone then.
            with closing(self._write_all(lake, missing, write, workers, limits, engine)) as units_written:
                for written in units_written:
                    finished[written.name] = written
                    if on_unit is not None:
                        on_unit(written)
        except BaseException:
            with held():
                self._sweep(unit.name for unit in units)
            raise
        in_order = [finished[unit.name] for unit in units]
        index = [row for written in in_order for row in written.index]
        sums = {file.name: file.sha256 for written in in_order for file in written.files}
        with _failing(self.out):
            if self.rules.lists_members:
                sums[MEMBERS] = write_members(self.out, in_order)
            if beside is not None:
                files = [file for written in in_order for file in written.files]
                if MEMBERS in sums:
                    files.append(File(MEMBERS, (self.out / MEMBERS).stat().st_size, sums[MEMBERS]))
                sums |= beside(self.out, files)
            write_index(self.out, self.rules.row, index, sums)
            # What says that it can be resumed goes last.
            for name in (*(_note_name(unit.name) for unit in units), _STATE):
                (self.out / name).unlink(missing_ok=True)
        # The export is whole; at worst they are there again after a power cut.
        with suppress(OSError):
            sync_folder(self.out)
        return index

    def _write_all(
        self,
        lake: Lake,
        units: Sequence[U],
        write: Callable[[Lake, Path, U], Written[R]],
        workers: int,
        limits: WorkerLimits,
        engine: Engine,
    ) -> Generator[Written[R]]:
        if not units or ((workers == 1 or len(units) < 2) and limits == UNLIMITED):
            for unit in units:
                yield _write_unit(write, self.out, lake, unit)
            return
        write_one = partial(_write_unit, write, self.out)
        size = min(workers, len(units))
        job = (lake.folder, lake.version, write_one)
        with engine.executor(size, _make_job, *job, memory_mb=limits.memory_mb) as executor:
            for event in executor.run(units, limits.stalled_s):
                if event.kind == "result":
                    yield event.value
                elif event.kind == "error":
                    raise event.value
                elif event.kind in ("stalled", "memory"):
                    more = "--stalled-after" if event.kind == "stalled" else "--worker-memory, or fewer --workers"
                    raise SignverseError(
                        f"{event.task.name}: {event.failure}", f"Run the same command again to go on, with more {more}."
                    )
                elif event.kind == "died":
                    raise SignverseError(
                        f"the process that wrote {event.task.name} was ended from outside ({event.value}), perhaps "
                        "because memory ran out",
                        "Run the same command again to go on; fewer --workers need less memory.",
                    )

    def _sweep(self, units: Iterable[str]) -> None:
        """Remove what belongs to no finished unit."""
        kept = {_STATE}
        for unit in units:
            written = self._read_note(unit)
            if written is not None:
                kept |= {_note_name(unit), *(file.name for file in written.files)}
        _remove(self.out, [name for name in _ours(self.out) if name not in kept])

    def _read_note(self, unit: str) -> Written[R] | None:
        """A unit that an earlier run finished; None where it did not."""
        try:
            note = json.loads(read_regular(self.out / _note_name(unit), MAX_LISTING))
            files = [File(**file) for file in note["files"]]
            if any((self.out / file.name).stat().st_size != file.size for file in files):
                return None
            index = [index_row(self.rules.row, row) for row in note["index"]]
            return Written(unit, files, index, self._places(note, files) if self.rules.lists_members else ())
        except (BadInputError, OSError, ValueError, KeyError, TypeError, RecursionError, tarfile.TarError):
            return None

    def _places(self, note: Mapping[str, Any], files: Sequence[File]) -> list[Place]:
        if "members" in note:
            return [Place(**place) for place in note["members"]]
        # Checkouts before 0.1.0 did not note them.
        return [place for file in files for place in places_in(self.out / file.name)]


def _foreign(out: Path, earlier: set[str]) -> list[str]:
    """Files named like those of an export that no list of checksums and no unfinished export accounts for."""
    if _STATE in earlier:
        return []
    listed = _listed(out)
    return sorted(name for name in earlier if (is_content(name) or name == MEMBERS) and name not in listed)


def _listed(out: Path) -> set[str]:
    """The files that an export accounts for: index.csv, SHA256SUMS and what that lists."""
    listed: set[str] = {INDEX, SUMS}
    with suppress(BadInputError):
        lines = read_regular(out / SUMS, MAX_LISTING).decode("utf-8", "replace").splitlines()
        listed |= {line[64:].lstrip(" *") for line in lines}
    return listed


def _state(out: Path) -> dict[str, Any]:
    """What an unfinished export says of itself; {} where there is none."""
    with suppress(BadInputError, ValueError, RecursionError):
        state = json.loads(read_regular(out / _STATE, MAX_LISTING))
        if isinstance(state, dict):
            return state
    return {}


def is_ours(name: str) -> bool:
    """Whether an export writes a file of this path, or a killed run was writing it (see `whole_file`)."""
    folder, slash, base = name.rpartition("/")
    # Versions before 0.1.0 ended them in eight letters.
    earlier = re.fullmatch(r"\.(.+)\.[a-z0-9_]{8}", base)
    half = name_of_half(base) or (earlier.group(1) if earlier else "")
    return _is_final(name) or (bool(half) and _is_final(f"{folder}{slash}{half}"))


def is_content(name: str) -> bool:
    """Whether a path in a folder is one of the files that an export consists of."""
    return any(re.fullmatch(rules.file, name) for rules in FOLDERS)


def _is_final(name: str) -> bool:
    if name in {INDEX, MEMBERS, SUMS, _STATE} or is_content(name):
        return True
    return any(re.fullmatch(rf"\.{rules.unit}{re.escape(_NOTE)}", name) for rules in FOLDERS)


def walk(out: Path, depth: int = 2) -> Iterator[str]:
    """The paths of the files in a folder and in those at most two deep in it; links to folders are not followed."""
    for path in sorted(out.iterdir()):
        if depth and path.is_dir() and not path.is_symlink():
            # A folder that cannot be read, such as lost+found, was not made by an export.
            with suppress(PermissionError):
                yield from (f"{path.name}/{name}" for name in walk(path, depth - 1))
        else:
            yield path.name


def _ours(out: Path) -> Iterator[str]:
    """The files of an export; those of its card where it is known to have one."""
    state = _state(out)
    beside = BESIDE if state.get("card") else BESIDE & _listed(out)
    return (name for name in walk(out) if is_ours(name) or name in beside)


def _remove(out: Path, names: Iterable[str]) -> None:
    for name in names:
        path = out / name
        path.unlink(missing_ok=True)
        # A folder with other files in it stays.
        with suppress(OSError):
            for folder in path.parents:
                if folder == out:
                    break
                folder.rmdir()


def _same(path: Path, state: str) -> bool:
    with suppress(BadInputError, ValueError, AttributeError, RecursionError):
        earlier: dict[str, Any] = json.loads(read_regular(path, MAX_LISTING))
        if "dialect" in earlier:
            # The key's name in checkouts before 0.1.0; from the next version on no state of theirs is the same.
            earlier["layout"] = earlier.pop("dialect")
        if "kind" in earlier:
            # Checkouts before 0.1.0 did not write it.
            earlier.setdefault("revision", 1)
        return bool(earlier == json.loads(state))
    return False


@contextmanager
def _failing(out: Path) -> Iterator[None]:
    """Says in one line that a folder cannot be written."""
    try:
        yield
    except OSError as error:
        raise BadInputError(
            f"{out} cannot be written: {error.strerror or error}", "Run the same command again to go on."
        ) from None


def _note_name(unit: str) -> str:
    return f".{unit}{_NOTE}"


def _write_unit(write: Callable[[Lake, Path, U], Written[R]], out: Path, lake: Lake, unit: U) -> Written[R]:
    written = write(lake, out, unit)
    with _failing(out):
        sync_names(out, [file.name for file in written.files])
    parts: dict[str, Sequence[Any]] = {"files": written.files, "index": written.index, "members": written.members}
    note = {name: [asdict(one) for one in part] for name, part in parts.items()}
    with whole_file(out / _note_name(unit.name)) as file:
        file.write(json.dumps(note).encode())
    return written


def _make_job(folder: Path, version: int, write: Callable[[Lake, U], Written[R]]) -> Job:
    """The worker's side: opens the lake once, then writes units."""
    lake = Lake.open(folder, version=version)

    def job(unit: U, _: Report) -> Written[R]:
        return write(lake, unit)

    return job
