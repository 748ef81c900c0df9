"""Looking for video ids in texts and bytes: as they are, as in a URL, in JSON and in the names of clips."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator
from typing import Final, Protocol
from urllib.parse import quote, unquote

from signverse.lake.model.ids import normal_form
from signverse.lake.storage.forgotten.tombstones import Tombstones

SHORTEST_ANYWHERE: Final = 6
"""Characters of the shortest id that is looked for everywhere. A shorter one, such as b or en, is found by chance in
bytes and is a word of texts: it is looked for where ids stand."""

_BEFORE: Final = r"(?<![A-Za-z0-9_-])"
_AFTER: Final = r"(?=-\d{5,}(?![A-Za-z0-9_-])|(?![A-Za-z0-9_-]))"
"""What ends an id: in the name of a clip five digits follow. So video_1 is not found in video_10."""

_FEW: Final = 50
"""Up to so many forms are looked for one after the other, at a gigabyte a second each."""

_TOKEN: Final = re.compile(r"[\w%.-]+")
OF_A_CLIP: Final = r"-\d{5,}$"
"""What the id of a clip has after that of its video, and the ids of some videos end with too."""

_OF_A_CLIP: Final = re.compile(OF_A_CLIP)
_ENDING: Final = re.compile(r"\.(?:[A-Za-z0-9_-]+\.)?(?:npy|npz|json|pose|vtt|srt|mp4|webm|mkv)$")


class Needles(Protocol):
    """What is looked for."""

    def in_text(self, text: str) -> set[str]:
        """What of it a text holds, which may be about anything."""

    def in_bytes(self, data: bytes) -> set[str]:
        """What of it bytes hold that may be packed, as far as it can be seen there."""

    def in_values(self, values: Iterable[str]) -> set[str]:
        """What of it texts are about each of which is the id of a video or a clip, or the path of a file of one."""


class Ids:
    """Ids that are known.

    Args:
        others: videos that are not looked for, whose ids end as those of clips do: of video_1 and video_1-00001, the
            second is not taken for a clip of the first.
    """

    def __init__(self, video_ids: Collection[str], others: Collection[str] = ()) -> None:
        self.video_ids = frozenset(video_ids)
        self._others = frozenset(others)
        forms: dict[str, str] = {}
        for video_id in sorted(video_ids):
            escaped = json.dumps(video_id)[1:-1]
            key = video_id.replace("%", "%25").replace(".", "%2E")
            for form in (video_id, normal_form(video_id), quote(video_id, safe=""), quote(video_id), escaped, key):
                forms.setdefault(form, video_id)
            forms.setdefault(json.dumps(escaped)[1:-1], video_id)
        self._forms = forms
        self._bytes = {form.encode("utf-8", "replace"): video_id for form, video_id in forms.items()}
        self._pattern = _any_of([form for form in forms if len(form) >= SHORTEST_ANYWHERE], self._others)
        self._where_ids_stand = _any_of(forms, self._others)
        self._in_bytes = re.compile(self._pattern.pattern.encode("utf-8", "replace"))

    def in_text(self, text: str) -> set[str]:
        return {self._forms[found] for found in self._pattern.findall(text)}

    def in_values(self, values: Iterable[str]) -> set[str]:
        found = {form for value in values for form in _ids_in(value, self._others)} & self._forms.keys()
        return {self._forms[form] for form in found}

    def in_bytes(self, data: bytes) -> set[str]:
        long = {form: video_id for form, video_id in self._bytes.items() if len(form) >= SHORTEST_ANYWHERE}
        if len(long) > _FEW:
            found = set(self._in_bytes.findall(data))
            return {video_id for form, video_id in long.items() if form in found}
        others = [each.encode() for each in self._others]
        return {video_id for form, video_id in long.items() if _holds(data, form, others)}

    def replaced(self, text: str, by: str) -> str:
        """A text with other words in the place of the ids."""
        return self._pattern.sub(by, text)

    def replaced_where_ids_stand(self, text: str, by: str) -> str:
        """The same, short ids too."""
        return self._where_ids_stand.sub(by, text)


def _ids_in(value: str, others: Collection[str]) -> Iterator[str]:
    """What may be the id of a video in an id of a video or a clip, or in the path of a file of one."""
    for part in {value, *value.split("/")}:
        for stem in {part, _ENDING.sub("", part)}:
            yield stem
            if stem not in others:
                yield _OF_A_CLIP.sub("", stem)


def _any_of(forms: Collection[str], others: Collection[str]) -> re.Pattern[str]:
    # The longest first: one id may be the beginning of another.
    anywhere = "|".join(re.escape(form) for form in sorted(forms, key=len, reverse=True))
    besides = f"(?!(?:{'|'.join(map(re.escape, sorted(others)))}){_AFTER})" if others else ""
    return re.compile(f"{_BEFORE}{besides}(?:{anywhere}){_AFTER}" if forms else r"(?!)")


def _holds(data: bytes, form: bytes, others: Collection[bytes]) -> bool:
    at = data.find(form)
    while at >= 0:
        before, after = data[at - 1 : at] if at else b"", data[at + len(form) : at + len(form) + 24]
        # Parquet writes the length of a text before it.
        alone = not re.match(rb"[A-Za-z0-9_-]", before) or before[0] == len(form)
        if alone and re.match(_AFTER.encode(), after) and not _one_of(others, data, at):
            return True
        at = data.find(form, at + 1)
    return False


def _one_of(ids: Collection[bytes], data: bytes, at: int) -> bool:
    """Whether one of some ids stands at a place of bytes."""
    return any(data.startswith(each, at) and re.match(_AFTER.encode(), data[at + len(each) :][:24]) for each in ids)


class Hashed:
    """Ids of which a lake knows the hashes only: whatever may be an id is hashed. Packed bytes are not looked at."""

    def __init__(self, tombstones: Tombstones, others: Collection[str] = ()) -> None:
        self._tombstones = tombstones
        self._others = frozenset(others)
        self._seen: dict[str, bool] = {}

    def in_text(self, text: str) -> set[str]:
        return self.in_values(_TOKEN.findall(text))

    def in_values(self, values: Iterable[str]) -> set[str]:
        found: set[str] = set()
        for value in values:
            tokens = {value, *(_TOKEN.findall(value) if len(value) < 1 << 16 else ())}
            found |= {form for token in tokens for form in _forms_of(token, self._others) if self._is_forgotten(form)}
        return found

    def in_bytes(self, data: bytes) -> set[str]:
        return set()

    def _is_forgotten(self, text: str) -> bool:
        if text not in self._seen:
            if len(self._seen) > 1 << 20:
                self._seen.clear()
            self._seen[text] = text in self._tombstones
        return self._seen[text]


def _forms_of(token: str, others: Collection[str]) -> set[str]:
    plain = unquote(token)
    stems = {plain, plain.split(".")[0], plain.rsplit(".", 1)[0]}
    return stems | {_OF_A_CLIP.sub("", stem) for stem in stems if stem not in others}
