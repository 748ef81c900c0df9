"""Publishing an export: what is done in which order, so that it can be ended at any moment and gone on with anywhere.

Data files are committed first, some at a time; index.csv, SHA256SUMS and the card go last, with the removal of what the
export does not have any more. Nothing is kept here about how far it went: the next run, on whatever machine, asks the
hub what is there.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Literal

from signverse.export.formats.index_rows import INDEX, SUMS, sums_text
from signverse.export.publish.card import README, card_files
from signverse.export.publish.client.hub import Hub
from signverse.export.publish.content import (
    DESCRIPTIONS,
    LAKE,
    Content,
    Source,
    export_content,
    kind_of,
    of_bytes,
    read_sums,
    videos_of,
)
from signverse.export.publish.croissant import CROISSANT
from signverse.export.publish.dataset_card.yaml_text import MAX_CARD
from signverse.export.publish.lake_content import lake_content, sums_of
from signverse.export.publish.licences import (
    Licence,
    licence_of_card,
    licence_of_cards,
    licence_of_sources,
    read_licence,
)
from signverse.export.publish.plan import TITLE, Plan, is_there, make_plan
from signverse.export.publish.secrets import refuse_secret_names, refuse_secret_texts
from signverse.lake.lake import Lake
from signverse.lake.model.errors import BadInputError, MistypedError, SignverseError
from signverse.lake.model.untrusted.regular_files import read_regular
from signverse.lake.model.wording import counted, some
from signverse.lake.storage.location import is_lake

LAST: Final = f"{TITLE}index, checksums and card"
"""The title of the commit that finishes a version."""

Withdrawn = Literal["remove", "keep"]


@dataclass(frozen=True)
class Settings:
    """How it is published.

    Attributes:
        licence: identifier; None: what the cards say.
        private, gated: make it so; False leaves it as it is.
        tag: names the result; "" for none.
        withdrawn: whether files of videos that are not in the export any more are removed from older versions too; None
            where nobody said it.
    """

    licence: str | None = None
    private: bool = False
    gated: bool = False
    tag: str = ""
    withdrawn: Withdrawn | None = None


@dataclass(frozen=True)
class Prepared:
    """What will be done, in all.

    Attributes:
        descriptions: the card and what lies beside it; `last` are those of the last commit's files that differ.
        purge: old objects that are removed for good, as the client has them.
        tagged: the tag names what is published already.
        remarks: what a person should know of the card, a line each.
    """

    plan: Plan
    settings: Settings
    descriptions: Mapping[str, bytes]
    last: Sequence[Source]
    purge: Sequence[Any] = ()
    tagged: bool = False
    remarks: list[str] = field(default_factory=list)

    @property
    def idle(self) -> bool:
        """Whether nothing is left to be committed."""
        return not (self.plan.send or self.last or self.plan.remove or self.purge)

    @property
    def count(self) -> int:
        """Files that are sent; the SHA256SUMS of a lake is made when they have been."""
        return len(self.plan.send) + len(self.last) + (self.plan.content.kind == LAKE and bool(self.plan.send))

    @property
    def kept(self) -> list[str]:
        """Paths of the files that are there already as they are to be, those that describe the data among them."""
        wanted = {source.path for source in (*self.plan.content.data, *self.plan.content.listings)}
        return sorted((wanted | self.descriptions.keys()) - {source.path for source in (*self.plan.send, *self.last)})

    @property
    def size(self) -> int:
        """Bytes that are sent."""
        return sum(source.size for source in (*self.plan.send, *self.last))


@dataclass
class Progress:
    """Takes what happens; by default nothing comes of it."""

    on_bytes: Callable[[int], None] = lambda _: None
    on_files: Callable[[int], None] = lambda _: None
    say: Callable[[str], None] = field(default=lambda _: None)


def read_content(path: Path, token: str = "") -> Content:
    """What is published of a folder.

    Raises:
        BadInputError: it is not an export, not whole, or holds what must not be published.
    """
    if path.is_dir():
        refuse_secret_names(path, (found.relative_to(path).as_posix() for found in path.rglob("*")))
    content = lake_content(path) if is_lake(path) else export_content(path)
    if content.kind == "pose":
        raise BadInputError(
            f"{path} is a folder of .pose files, a file a clip, which the hub's readers do not know",
            "Publish the clips as `signverse export parquet` or `signverse export webdataset` writes them.",
        )
    texts = [source for source in content.data if not source.path.endswith((".tar", ".parquet"))]
    refuse_secret_texts((*texts, *content.listings, *content.descriptions), token)
    return content


def prepare(content: Content, hub: Hub, settings: Settings) -> Prepared:
    """Looks at what is published and plans what is to be done. Nothing is changed.

    Raises:
        BadInputError: it cannot be published as asked; says why and what to do.
    """
    if settings.tag and not re.fullmatch(r"[A-Za-z0-9_](?:[\w.-]{0,98}[\w-])?", settings.tag):
        raise MistypedError(f"'{settings.tag[:40]}' cannot be a tag", "Such as v1 or 2026-11.")
    plan = make_plan(content, hub)
    remarks: list[str] = []
    present = _present_card(hub, plan)
    here = next((source for source in content.descriptions if source.path == README), None)
    own = read_regular(here.place, MAX_CARD) if here is not None and here.place is not None else None
    licence = _licence(content, hub, settings, own, present, remarks)
    gated = settings.gated or bool(plan.state and plan.state.gated)
    card = present if present is not None else own
    descriptions = _descriptions(content, hub.name, licence, card, gated=gated, remarks=remarks)
    refuse_secret_texts((of_bytes(path, data) for path, data in descriptions.items()), hub.token)
    listings = [_restated(source, descriptions) for source in plan.content.listings]
    last = [*listings, *(of_bytes(path, data) for path, data in descriptions.items())]
    last = [source for source in last if not is_there(source, plan.remote)]
    stale = sorted((DESCRIPTIONS & plan.remote.keys()) - descriptions.keys())
    plan = replace(plan, remove=sorted({*plan.remove, *stale}))
    prepared = Prepared(plan, settings, descriptions, last, remarks=remarks)
    tags = hub.tags() if plan.state and (settings.tag or plan.gone) else {}
    if settings.tag in tags:
        _refuse_moved_tag(hub, prepared, tags[settings.tag])
        prepared = replace(prepared, tagged=True)
    if settings.withdrawn == "remove" and plan.state:
        plan = replace(plan, gone=plan.gone | (_published_ever(hub, plan.state.commit) - content.videos))
        prepared = replace(prepared, plan=plan)
    if plan.gone and settings.withdrawn != "keep":
        _refuse_unasked_purge(hub, prepared, tags)
        return replace(prepared, purge=_old_objects(hub, prepared))
    return prepared


def publish(prepared: Prepared, hub: Hub, progress: Progress) -> str:
    """Sends what is to be sent; returns the commit that is published.

    Raises:
        BadInputError: the hub refused something, or a file is damaged. What was committed until then stays there, and
            the next run goes on from it.
    """
    plan, settings = prepared.plan, prepared.settings
    state = plan.state
    if not hub.token:
        raise BadInputError(
            "publishing needs a token", "Set HF_TOKEN to one that may write, or log in with `hf auth login`."
        )
    card = next((source for source in prepared.last if source.path == README), None)
    if card is not None and plan.send:
        hub.check_card(card.data.decode())
    if state is None:
        hub.create(settings.private)
        state = hub.state()
    if state is None:
        raise BadInputError(f"{hub.name} was made and cannot be seen", "Run the same command again.")
    if not state.has_branch:
        hub.create_branch(state.commit)
    if (settings.private and not state.private) or (settings.gated and not state.gated):
        # Before anything is sent that only some may read.
        hub.restrict(private=settings.private, gated=settings.gated)
    commit = state.commit
    for number, batch in enumerate(plan.batches, 1):
        title = f"{TITLE}{plan.content.kind}, part {number} of {len(plan.batches)}"
        commit = hub.commit(title, batch, (), commit, progress.on_bytes)
        progress.on_files(len(batch))
    if plan.send:
        _refuse_left_out(hub, commit, plan.send)
    remove = plan.remove
    if prepared.purge:
        if remove:
            commit = hub.commit(f"{TITLE}removal of {counted(len(remove), 'file')}", (), remove, commit)
            remove = ()
        hub.delete_for_good(prepared.purge)
        # The hub rewrites the history without them.
        after = hub.state()
        commit = after.commit if after is not None else commit
    last = list(prepared.last)
    if plan.content.kind == LAKE and plan.send:
        # Its files have been read now.
        kept = plan.remote.keys() - {source.path for source in plan.send}
        last.append(sums_of(plan.content, {path: plan.remote[path].oid for path in kept if plan.remote[path].large}))
    if last or remove:
        commit = hub.commit(LAST, last, remove, commit, progress.on_bytes)
        _refuse_left_out(hub, commit, last)
        progress.on_files(len(last))
    if settings.tag and not prepared.tagged:
        hub.tag(settings.tag, commit)
    return commit


def _licence(
    content: Content, hub: Hub, settings: Settings, own: bytes | None, present: bytes | None, remarks: list[str]
) -> Licence:
    """The licence: as given, as the cards say, or as the data sets say that all videos came from."""
    if settings.licence is not None:
        return read_licence(settings.licence)
    stated = licence_of_cards(own, present, str(content.folder))
    if stated is not None:
        return stated
    said: dict[str, Licence | None] = {}
    for name in sorted(content.data_sets):
        said[name] = None
        # One that is gone, or that this token may not see, says nothing.
        with suppress(SignverseError):
            source = Hub(name, token=hub.token) if name else None
            state = source.state() if source else None
            if source is not None and state is not None:
                said[name] = licence_of_card(source.read(README, state.commit))
    found = licence_of_sources(said, str(content.folder), content.origin)
    remarks.append(f"licence {found.hub}, as {some(sorted(said))} says, from which its videos came")
    return found


def _refuse_left_out(hub: Hub, commit: str, sent: Sequence[Source]) -> None:
    """Refuses to go on where files that were sent are not there: the hub leaves out what a .gitignore there names."""
    remote = hub.files(commit)
    left_out = [source.path for source in sent if not is_there(source, remote)]
    if left_out:
        raise BadInputError(
            f"{hub.name} took {counted(len(left_out), 'file')} and does not have them: {some(left_out)}",
            "Look for a .gitignore there that names them, and run the same command again.",
        )


def _descriptions(
    content: Content, name: str, licence: Licence, card: bytes | None, *, gated: bool, remarks: list[str]
) -> dict[str, bytes]:
    """The card and what lies beside it, by their paths: the card is written again, around what a person wrote in it."""
    try:
        earlier = card.decode("utf-8") if card is not None else None
    except UnicodeDecodeError:
        raise BadInputError(f"the README.md of {name} is not text in UTF-8", "Save it as UTF-8.") from None
    beside = {source.path: source for source in content.descriptions if source.path not in {README, CROISSANT}}
    if content.kind == LAKE:
        with Lake.open(content.folder) as lake:
            return card_files(lake, licence.hub, name, earlier, gated=gated, remarks=remarks)
    made = card_files(content.folder, licence.hub, name, earlier, gated=gated, remarks=remarks)
    for source in beside.values():
        if source.sha256 and hashlib.sha256(source.content()).hexdigest() != source.sha256:
            raise BadInputError(
                f"{source.place} is damaged: it is not what its checksum says", "`signverse verify` says more."
            )
    return {**{path: source.content() for path, source in beside.items()}, **made}


def _restated(listing: Source, descriptions: Mapping[str, bytes]) -> Source:
    """SHA256SUMS with the sums of descriptions as they are published: croissant.json names the data set there."""
    if listing.path != SUMS:
        return listing
    sums = read_sums(listing.data, SUMS)
    stated = sums | {path: of_bytes(path, data).sha256 for path, data in descriptions.items() if path in sums}
    if stated == sums:
        return listing
    return of_bytes(SUMS, sums_text(stated).encode())


def _present_card(hub: Hub, plan: Plan) -> bytes | None:
    if README not in plan.remote or plan.state is None:
        return None
    return hub.read(README, plan.state.commit)


def _refuse_moved_tag(hub: Hub, prepared: Prepared, target: str) -> None:
    state = prepared.plan.state
    if not prepared.idle or state is None or state.commit != target:
        raise BadInputError(
            f"the tag {prepared.settings.tag} of {hub.name} names another version, and readers rely on it",
            "Give the new version another tag.",
        )


def _refuse_unasked_purge(hub: Hub, prepared: Prepared, tags: Mapping[str, str]) -> None:
    """Refuses to remove for good what was given a name, or most of what is there, unless that was asked for."""
    plan = prepared.plan
    if prepared.settings.withdrawn == "remove":
        return
    named = sorted(tags)
    if named or 2 * len(plan.gone) > plan.published:
        why = f"older versions are tagged ({some(named)})" if named else "that is most of them"
        raise BadInputError(
            f"{plan.content.folder} lacks {counted(len(plan.gone), 'video')} of the {plan.published:,} that {hub.name} "
            f"holds ({some(sorted(plan.gone))}), and {why}",
            "--withdrawn remove removes their files for good, from older versions too, as a takedown asks; --withdrawn "
            "keep leaves older versions as they are.",
        )


def _published_ever(hub: Hub, newest: str) -> frozenset[str]:
    """The videos of every version that was finished, as far as the history goes: some may have been kept earlier."""
    found: set[str] = set()
    for commit, title in hub.commits(newest):
        if title == LAST:
            # A takedown has removed an index that was large from older versions.
            with suppress(BadInputError):
                found |= videos_of(hub.read(INDEX, commit), INDEX)
    return frozenset(found)


def _old_objects(hub: Hub, prepared: Prepared) -> list[Any]:
    """The large objects of earlier versions of the export's own files that no file will use any more, on any branch."""
    plan = prepared.plan
    described = [of_bytes(path, data) for path, data in prepared.descriptions.items()]
    used = {source.sha256 for source in (*plan.content.data, *plan.content.listings, *prepared.last, *described)}
    used |= {remote.oid for path, remote in plan.remote.items() if path in plan.unknown}
    used |= {remote.oid for source in plan.content.data if source.sealed and (remote := plan.remote.get(source.path))}
    ours = {INDEX, SUMS, *DESCRIPTIONS, *plan.remove, *(source.path for source in plan.content.data)}
    old = [
        one
        for one in hub.large_objects()
        if (one.filename in ours or kind_of(one.filename) == plan.content.kind) and not {one.oid, one.file_oid} & used
    ]
    for branch in hub.other_branches() if old else ():
        theirs = {remote.oid for remote in hub.files(branch).values()}
        held = [one for one in old if {one.oid, one.file_oid} & theirs]
        if held:
            prepared.remarks.append(
                f"the branch {branch} still has {counted(len(held), 'file')} of older versions, which stay: publish "
                f"with --revision {branch} too"
            )
            old = [one for one in old if one not in held]
    return old


def planned(prepared: Prepared) -> Iterator[tuple[str, int, str]]:
    """What is done with each file: send, keep, remove, remove for good or leave; its bytes; its path."""
    plan = prepared.plan
    sent = [*plan.send, *prepared.last]
    yield from (("send", source.size, source.path) for source in sent)
    if plan.content.kind == LAKE and plan.send:
        yield "send", sum(len(source.path) + 67 for source in (*plan.content.data, *plan.content.listings)), SUMS
    yield from (("keep", plan.remote[path].size, path) for path in prepared.kept)
    yield from (("remove", plan.remote[path].size, path) for path in plan.remove)
    yield from (("remove for good", int(one.size), str(one.filename)) for one in prepared.purge)
    yield from (("leave", plan.remote[path].size, path) for path in plan.unknown)
