"""Which videos are wanted: those of a manifest in some languages, or those of a list of ids."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from signverse.ingest.manifest import Entry, Manifest
from signverse.lake.model.errors import BadInputError
from signverse.lake.model.languages import UNDETERMINED
from signverse.lake.model.wording import counted, some


@dataclass(frozen=True)
class Wanted:
    """The videos that are wanted.

    Attributes:
        ids: in the order of the list.
        entries: what manifests say of these and other videos.
        remarks: what a person should know of the choice, a line each.
    """

    ids: tuple[str, ...]
    entries: Mapping[str, Entry]
    remarks: tuple[str, ...] = ()


def choose_wanted(
    known: Mapping[str, Entry],
    *,
    manifest: Manifest | None = None,
    ids: Manifest | None = None,
    languages: Collection[str] = (),
) -> Wanted:
    """The videos that are wanted.

    Args:
        known: entries of earlier manifests.
        ids: a list of ids, read as a manifest; where it names languages, these count.
        languages: codes; of the manifest, or of the list, only videos of these are wanted. Empty for all.

    Raises:
        BadInputError: nothing says what is wanted, or no video is left.
    """
    if manifest is None and ids is None:
        raise BadInputError(
            "nothing says which videos are wanted",
            "Name a manifest, whole or with --language: --manifest FILE; or a list of video ids: --ids FILE.",
        )
    entries = dict(known) | (manifest.entries if manifest else {})
    remarks = []
    if ids is None:
        chosen = list(manifest.entries if manifest else ())
    else:
        chosen = list(ids.entries)
        entries |= {name: one for name, one in ids.entries.items() if one.language_label or name not in entries}
        unlisted = [name for name in chosen if manifest and name not in manifest.entries]
        if manifest and unlisted:
            remarks.append(f"{counted(len(unlisted), 'id')} not in {manifest.path}: {some(unlisted)}")
    wanted = [name for name in chosen if not languages or entries[name].sign_language in languages]
    unlabelled = sum(entries[name].sign_language == UNDETERMINED for name in chosen)
    if languages and unlabelled:
        remarks.append(f"{counted(unlabelled, 'video')} not wanted: no list says their language")
    if not wanted:
        of = f" of {', '.join(sorted(languages))}" if languages else ""
        listed = ids or manifest
        raise BadInputError(f"{listed.path if listed else 'the list'} names no video{of}", "Look at what it names.")
    return Wanted(tuple(wanted), entries, tuple(remarks))
