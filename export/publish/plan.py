"""What of an export lies in the repository already, what is sent, and what is removed there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Final

from signverse.export.formats.index_rows import INDEX, SUMS
from signverse.export.publish.client.hub import Hub, Remote, State
from signverse.export.publish.content import (
    DESCRIPTIONS,
    HUBS_OWN,
    LAKE,
    Content,
    Source,
    kind_of,
    read_sums,
    videos_of,
)
from signverse.export.publish.lake_content import sums_of
from signverse.lake.model.errors import BadInputError
from signverse.lake.model.wording import counted, some

FILES_A_COMMIT: Final = 50
"""The hub advises 50 to 100: a commit has to end within its 60 seconds."""

BYTES_A_COMMIT: Final = 20 * 10**9
"""What an interruption costs at most."""

ENTRIES_A_FOLDER: Final = 10_000
"""More the hub does not take."""

TITLE: Final = "signverse: "
"""Begins the titles of our commits."""

_DATA: Final = frozenset({".tar", ".parquet", ".pose", ".arrow", ".npz"})
"""Endings of what the hub's viewer and `datasets` take for the data of a repository: of one format only."""


@dataclass(frozen=True)
class Plan:
    """What publishing does.

    Attributes:
        state: of the repository; None where it is to be made.
        send: data files that are not there, or differ.
        remove: paths of files of earlier versions that the export does not have any more.
        unknown: paths of files there that are not of the export: they stay.
        gone: videos that are published and are not in the export any more.
    """

    content: Content
    state: State | None
    remote: Mapping[str, Remote]
    send: Sequence[Source]
    remove: Sequence[str]
    unknown: Sequence[str]
    gone: frozenset[str]
    published: int

    @property
    def batches(self) -> Sequence[Sequence[Source]]:
        """The files to be sent, as they are committed together."""
        return list(_batches(self.send))


def make_plan(content: Content, hub: Hub) -> Plan:
    """Compares an export with what is published under the name.

    Raises:
        BadInputError: other things are published there, or the hub would not take it.
    """
    state = hub.state()
    remote = hub.files(state.commit) if state else {}
    if content.kind == LAKE:
        content = _with_sums(content, remote)
    wanted = {source.path: source for source in (*content.data, *content.listings)}
    sums, index = _published(hub, state, remote, wanted)
    ours = {path for path in remote if path in sums or kind_of(path) or path in {INDEX, SUMS, *DESCRIPTIONS}}
    _refuse_mixture(content, hub, remote, ours)
    send = [source for source in content.data if not is_there(source, remote)]
    if SUMS not in remote:
        _refuse_foreign(hub, state, [source.path for source in send if source.path in remote])
    remove = sorted(ours - wanted.keys() - {*DESCRIPTIONS})
    unknown = sorted(path for path in remote.keys() - ours - wanted.keys() if not HUBS_OWN.match(path))
    _refuse_large_folders(content, {*wanted, *unknown, *DESCRIPTIONS})
    published = videos_of(index, f"{INDEX} of {hub.name}") if index else frozenset()
    return Plan(
        content=content,
        state=state,
        remote=remote,
        send=send,
        remove=remove,
        unknown=unknown,
        gone=published - content.videos,
        published=len(published),
    )


def is_there(source: Source, remote: Mapping[str, Remote]) -> bool:
    """Whether a file lies in the repository as it is here.

    Raises:
        BadInputError: it has to be read for that, and cannot be.
    """
    found = remote.get(source.path)
    if found is None or found.size != source.size:
        return False
    if not found.large:
        return found.oid == source.git_oid()
    return source.sealed or found.oid == source.digest()


def _with_sums(content: Content, remote: Mapping[str, Remote]) -> Content:
    """A lake with its SHA256SUMS, where no file need be read for it; without, where some are not there."""
    there = {one.path: remote[one.path] for one in content.data if one.path in remote and is_there(one, remote)}
    if len(there) < len(content.data):
        return content
    known = {path: found.oid for path, found in there.items() if found.large}
    return replace(content, listings=[*content.listings, sums_of(content, known)])


def _published(
    hub: Hub, state: State | None, remote: Mapping[str, Remote], wanted: Mapping[str, Source]
) -> tuple[Collection[str], bytes]:
    """The files that the published SHA256SUMS lists, and the published index.csv where it is another one."""
    commit = state.commit if state else None
    if commit is None or SUMS not in remote:
        return (), b""
    if is_there(wanted[INDEX], remote):
        # It names the files.
        return wanted.keys() | {SUMS}, b""
    sums = read_sums(hub.read(SUMS, commit), f"{SUMS} of {hub.name}")
    index = hub.read(INDEX, commit) if INDEX in remote else b""
    return sums.keys() | {SUMS}, index


def _refuse_mixture(content: Content, hub: Hub, remote: Mapping[str, Remote], ours: Collection[str]) -> None:
    other = Hub.name_beside(hub.name, content.kind)
    kinds = {kind for path in ours if (kind := kind_of(path))} - {content.kind}
    if kinds:
        raise BadInputError(
            f"{hub.name} holds {' and '.join(sorted(kinds))}, {content.folder} is {content.kind}: readers find one "
            "format in a data set",
            f"Publish it under another name, such as {other}.",
        )
    endings = {PurePosixPath(source.path).suffix for source in content.data} & _DATA
    others = sorted(path for path in remote.keys() - set(ours) if PurePosixPath(path).suffix in _DATA - endings)
    if others:
        raise BadInputError(
            f"{hub.name} holds data of another format: {some(others)}; readers find one format in a data set",
            f"Publish it under another name, such as {other}.",
        )


def _refuse_foreign(hub: Hub, state: State | None, replaced: Sequence[str]) -> None:
    """Refuses to replace files that nothing shows to be an earlier or unfinished version of this export."""
    if replaced and state and not any(title.startswith(TITLE) for _, title in hub.commits(state.commit)):
        raise BadInputError(
            f"{hub.name} holds files of the same names that signverse did not publish: {some(replaced)}",
            "Publish it under another name.",
        )


def _refuse_large_folders(content: Content, paths: Collection[str]) -> None:
    entries = Counter(
        parent.as_posix()
        for entry in {path for name in paths for path in (PurePosixPath(name), *PurePosixPath(name).parents[:-1])}
        for parent in (entry.parent,)
    )
    folder, count = max(entries.items(), key=lambda item: item[1], default=("", 0))
    if count > ENTRIES_A_FOLDER:
        place = "the top folder" if folder == "." else folder
        raise BadInputError(
            f"{content.folder} has {counted(count, 'file')} in {place}: the hub takes {ENTRIES_A_FOLDER:,} in a folder",
            "Write it again with more in a file: --clips-per-shard, --videos-per-shard or --shard-size.",
        )


def _batches(sources: Sequence[Source]) -> Iterator[list[Source]]:
    batch: list[Source] = []
    for source in sources:
        full = len(batch) == FILES_A_COMMIT or sum(one.size for one in batch) + source.size > BYTES_A_COMMIT
        if batch and full:
            yield batch
            batch = []
        batch.append(source)
    if batch:
        yield batch
