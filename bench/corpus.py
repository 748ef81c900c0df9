"""A lake of the released size for benchmarks: 39,197 videos, 2,000,000 segments, in the order in which videos arrive.

Languages are those of the released manifest if the sample data has it, else a long tail like it. Captions are random
words in the script of their language, no two alike; keypoints are synthetic signers, for as many videos as the disk
budget allows. Everything goes through the lake's own writers, some 150 videos a commit.

    python -m bench.corpus FOLDER [--videos 39197] [--segments 2000000] [--budget-gb 2] [--commits 256]
"""

from __future__ import annotations

import argparse
import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from signverse.ingest.manifest import read_manifest
from signverse.ingest.sample.signer import make_signer
from signverse.lake.lake import Lake
from signverse.lake.model.frame_ranges import FPS
from signverse.lake.model.ids import new_ingest_id
from signverse.lake.model.schema import CAPTIONS, KEYPOINTS, SEGMENTS, VIDEOS, Table
from signverse.lake.storage import delta
from signverse.lake.storage.file_writer import KeypointsFile, RowsFile
from signverse.lake.storage.keypoints import to_table
from signverse.lake.storage.merging.small_files import merge_small_files

VIDEOS_OF_THE_RELEASE: Final = 39_197
SEGMENTS_OF_THE_RELEASE: Final = 2_000_000
BYTES_A_FRAME: Final = 469
"""Of keypoints, as `just bench layout` measures it."""

_WORDS: Final = {
    "Latin": "abcdefghijklmnoprstuvwy",
    "Cyrillic": "абвгдежзиклмнопрстуфхцчшыя",
    "Arabic": "ابتثجحخدذرزسشصضطظعغفقكلمنهوي",
    "Hangul": "가나다라마바사아자차카타파하거너더러머버서어저",
    "Han": "手話語言學校今天明我你他好是的人大中來去看說",
    "Devanagari": "कखगघचछजझटठडढणतथदधनपफबभमयरलवशसह",
}
_SCRIPT_OF: Final = {
    "rsl": "Cyrillic",
    "ukl": "Cyrillic",
    "kvk": "Hangul",
    "csl": "Han",
    "jsl": "Han",
    "ins": "Devanagari",
}
_ENGLISH_SIGNED: Final = {"ase", "bfi", "asf", "nzs", "isg"}


def make_corpus(
    folder: Path,
    *,
    videos: int = VIDEOS_OF_THE_RELEASE,
    segments: int = SEGMENTS_OF_THE_RELEASE,
    keypoints_bytes: int = 2_000_000_000,
    commits: int = 256,
    seed: int = 1,
    merging: bool = True,
) -> Lake:
    """Make the lake; the same arguments give the same rows, except for the ids of ingestions.

    Args:
        keypoints_bytes: about how much the keypoints may take; videos beyond it have none.
        commits: how often finished videos are committed.
        merging: merge small files as commits come, as a committer does.
    """
    random = np.random.default_rng(seed)
    lake = Lake.create(folder)
    ids, languages = _listed(videos, random)
    order = random.permutation(len(ids))
    counts = _segment_counts(len(ids), segments, random)
    maker = _Maker(random)
    budget = keypoints_bytes
    began = datetime.now(UTC) - timedelta(days=30)
    for number, batch in enumerate(np.array_split(order, commits)):
        batch = np.array(sorted(batch, key=lambda at: ids[at]))
        budget -= maker.commit(
            lake.folder, [ids[at] for at in batch], [languages[at] for at in batch], counts[batch],
            began + timedelta(minutes=number), budget,
        )  # fmt: skip
        if merging:
            merge_small_files(lake.folder)
    lake.refresh()
    return lake


def _listed(count: int, random: np.random.Generator) -> tuple[list[str], list[str]]:
    data = Path(os.environ.get("SIGNVERSE_TEST_DATA") or Path(__file__).parents[2] / "shared" / "data")
    path = data / "manifest" / "signverse_2m_metadata_ori.csv"
    if path.is_file():
        entries = list(read_manifest(path).entries.values())[:count]
        ids, languages = [entry.video_id for entry in entries], [entry.sign_language for entry in entries]
        if len(ids) == count:
            return ids, languages
    letters = np.array(list("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"))
    ids = ["".join(row) for row in random.choice(letters, (count, 11))]
    tail = ["ase", "bfi", "gsg", "rsl", "bzs", "kvk", "asf", "ins", "pso", "csl", *(f"sgn-X{i:02d}" for i in range(40))]
    weights = 1 / np.arange(1, len(tail) + 1) ** 1.3
    return ids, [tail[i] for i in random.choice(len(tail), count, p=weights / weights.sum())]


def _segment_counts(videos: int, segments: int, random: np.random.Generator) -> np.ndarray:
    """A long tail of segments a video, at least one, that sums up."""
    share = random.lognormal(0, 1.1, videos)
    counts = np.maximum(1, np.floor(share / share.sum() * segments)).astype(int)
    counts[np.argsort(-counts)[: abs(segments - counts.sum())]] += np.sign(segments - counts.sum())
    return np.asarray(counts)


class _Maker:
    def __init__(self, random: np.random.Generator) -> None:
        self._random = random
        self._phrases = {script: self._make_phrases(letters) for script, letters in _WORDS.items()}
        signers = [make_signer(seed, 4096, 1280, 720) for seed in range(8)]
        # Encoded once: a video is a few slices of them.
        self._signers = [to_table(np.zeros(len(p), np.int32), np.zeros(len(p), np.int8), p) for p in signers]

    def _make_phrases(self, letters: str) -> pa.Array:
        random = self._random
        alphabet = np.array(list(letters))
        words = ["".join(random.choice(alphabet, size)) for size in random.integers(2, 9, 4000)]
        ranks = np.minimum(random.zipf(1.3, (20_000, 4)) - 1, len(words) - 1)
        return pa.array([" ".join(words[i] for i in row) for row in ranks])

    def texts(self, script: str, count: int) -> pa.Array:
        first, second = (self._phrases[script].take(pa.array(self._random.integers(0, 20_000, count))) for _ in "ab")
        return pc.binary_join_element_wise(first, second, " ")

    def commit(
        self, folder: Path, ids: list[str], languages: list[str], counts: np.ndarray, at: datetime, budget: int
    ) -> int:
        """Writes and commits one batch; returns the bytes of its keypoints."""
        random = self._random
        ingest_ids = [new_ingest_id() for _ in ids]
        tables: dict[str, list[tuple[str, pa.Table]]] = {SEGMENTS.name: [], CAPTIONS.name: []}
        frames = np.zeros(len(ids), int)
        documents = [""] * len(ids)
        for language in sorted(set(languages)):
            mine = np.array([i for i, one in enumerate(languages) if one == language])
            rows, per_video = self._segments(
                language, [ids[i] for i in mine], [ingest_ids[i] for i in mine], counts[mine]
            )
            frames[mine] = per_video
            ends = np.cumsum(counts[mine])
            texts = rows.column("text")
            for i, end, count in zip(mine, ends, counts[mine], strict=True):
                documents[i] = " ".join(t for t in texts.slice(end - count, count).to_pylist() if t)
            tables[SEGMENTS.name].append((language, rows))
            tables[CAPTIONS.name].append((language, self._captions(language, rows)))
        placements: list[dict[str, Any]] = [{} for _ in ids]
        files: dict[str, KeypointsFile] = {}
        spent = 0
        for i, video_id in enumerate(ids):
            cost = int(frames[i]) * BYTES_A_FRAME
            if random.random() > 0.9 or spent + cost > budget:
                continue
            spent += cost
            if languages[i] not in files:
                files[languages[i]] = KeypointsFile(folder / KEYPOINTS.name, languages[i])
            placements[i] = files[languages[i]].add(video_id, ingest_ids[i], self._keypoints(int(frames[i])))
        closed = []
        for file in files.values():
            before = file.name
            closed.append(file.close())
            for place in placements:
                if place.get("keypoints_file") == before:
                    place["keypoints_file"] = file.name
        delta.commit(folder / KEYPOINTS.name, KEYPOINTS, closed)
        for table in (SEGMENTS, CAPTIONS):
            written = [_write(folder, table, language, rows) for language, rows in tables[table.name] if rows.num_rows]
            delta.commit(folder / table.name, table, written)
        channels = random.zipf(1.4, len(ids)) % 3000
        videos = [
            {
                "video_id": video_id,
                "ingest_id": ingest_ids[i],
                "ingested_at": at + timedelta(milliseconds=i),
                "sign_language": languages[i],
                "language_label": languages[i],
                "title": f"Video {video_id}",
                "channel": f"Channel {channels[i]}",
                "channel_id": f"UC{channels[i]:022d}",
                "url": f"https://example.org/{video_id}",
                "source": "video",
                "duration_s": frames[i] / FPS,
                "fps": FPS,
                "width": 1280,
                "height": 720,
                "num_frames": int(frames[i]),
                "absent_frames": [],
                "people_max": 1,
                "text_language": "en",
                "english_source": "native" if languages[i] in _ENGLISH_SIGNED else "translated_from:und",
                "document_text": documents[i],
                "repairs": [],
                "keypoints_file": None,
                "first_row_group": None,
                "row_group_count": 0,
                **placements[i],
            }
            for i, video_id in enumerate(ids)
        ]
        delta.append(folder / VIDEOS.name, VIDEOS, videos)
        return spent

    def _segments(
        self, language: str, ids: list[str], ingest_ids: list[str], counts: np.ndarray
    ) -> tuple[pa.Table, np.ndarray]:
        random = self._random
        total = int(counts.sum())
        first = np.r_[0, np.cumsum(counts)[:-1]]
        video = np.repeat(np.arange(len(ids)), counts)
        ordinal = np.arange(total) - first[video]
        lasting = np.clip(random.gamma(2.0, 2.3, total), 0.4, 30)
        times = np.cumsum(lasting + random.exponential(0.4, total))
        start = times - lasting - (times[first] - lasting[first])[video]
        end = start + lasting
        start_frame, end_frame = np.floor(start * FPS).astype(np.int32), np.ceil(end * FPS).astype(np.int32)
        names, ingests = pa.array(ids).take(pa.array(video)), pa.array(ingest_ids).take(pa.array(video))
        numbers = pa.array([f"{n:05d}" for n in range(int(counts.max()))]).take(pa.array(ordinal))
        uncaptioned = np.repeat(random.random(len(ids)) < 0.05, counts)
        kind = np.where(language in _ENGLISH_SIGNED, "manual", "translated").repeat(total)
        kind = np.where(np.repeat(random.random(len(ids)) < 0.3, counts), "automatic", kind)
        kind = np.where(uncaptioned, "none", kind)
        hands = random.beta(6, 3, (2, total)).astype(np.float32)
        columns = {
            "video_id": names,
            "ingest_id": ingests,
            "segment_id": pc.binary_join_element_wise(names, numbers, "-"),
            "ordinal": ordinal.astype(np.int32),
            "start_s": start,
            "end_s": end,
            "start_frame": start_frame,
            "end_frame": end_frame,
            "num_frames": end_frame - start_frame,
            "text": pc.if_else(pa.array(uncaptioned), None, self.texts("Latin", total)),
            "text_language": pc.if_else(pa.array(uncaptioned), None, pa.scalar("en")),
            "caption_kind": pa.array(kind.tolist()),
            "english_source": pa.array(np.where(kind == "translated", "translated_from:und", "native").tolist()),
            "people_max": np.where(random.random(total) < 0.1, 2, 1).astype(np.int32),
            "coverage": np.minimum(1, random.beta(20, 1, total) * 1.05).astype(np.float32),
            "body_confidence": random.beta(12, 2, total).astype(np.float32),
            "face_confidence": random.beta(14, 2, total).astype(np.float32),
            "left_hand_confidence": pa.array(hands[0], mask=random.random(total) < 0.02),
            "right_hand_confidence": pa.array(hands[1], mask=random.random(total) < 0.02),
            "hands_seen": random.beta(5, 2, total).astype(np.float32),
        }
        last = first + counts - 1
        return pa.table(columns, SEGMENTS.file_schema), end_frame[last].astype(int)

    def _captions(self, language: str, segments: pa.Table) -> pa.Table:
        """The English track; for other languages a track in their own script too."""
        spoken = segments.filter(pc.is_valid(segments.column("text")))

        def track(name: str, kind: str, tag: str, text: Any) -> pa.Table:
            constant = {"track": name, "kind": kind, "language": tag}
            columns = {
                field.name: pa.repeat(constant[field.name], spoken.num_rows)
                if field.name in constant
                else text
                if field.name == "text"
                else spoken.column(field.name)
                for field in CAPTIONS.file_schema
            }
            return pa.table(columns, CAPTIONS.file_schema)

        if language in _ENGLISH_SIGNED:
            return track("en.manual", "manual", "en", spoken.column("text"))
        script = _SCRIPT_OF.get(language, "Arabic" if language in {"sdl", "lbs", "jos"} else "Latin")
        own = track("own.manual", "manual", "und", self.texts(script, spoken.num_rows))
        return pa.concat_tables([track("en.translated", "translated", "en", spoken.column("text")), own])

    def _keypoints(self, frames: int) -> pa.Table:
        pieces, num_frames = [], 0
        while num_frames < frames:
            signer = self._signers[int(self._random.integers(len(self._signers)))]
            start = int(self._random.integers(0, signer.num_rows - 64))
            piece = signer.slice(start, min(frames - num_frames, signer.num_rows - start))
            pieces.append(piece)
            num_frames += piece.num_rows
        table = pa.concat_tables(pieces).combine_chunks()
        return table.set_column(
            table.schema.get_field_index("frame"), "frame", pa.array(np.arange(frames, dtype=np.int32))
        )


def _write(folder: Path, table: Table, partition: str, rows: pa.Table) -> delta.DataFile:
    file = RowsFile(folder / table.name, table, partition)
    file.add(rows)
    return file.close()


def main() -> None:
    parser = argparse.ArgumentParser(description="Make a lake of the released size for benchmarks.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--videos", type=int, default=VIDEOS_OF_THE_RELEASE)
    parser.add_argument("--segments", type=int, default=SEGMENTS_OF_THE_RELEASE)
    parser.add_argument("--budget-gb", type=float, default=2.0)
    parser.add_argument("--commits", type=int, default=256)
    parser.add_argument("--no-merging", action="store_true", help="leave every file as it was committed")
    options = parser.parse_args()
    began = time.monotonic()
    lake = make_corpus(
        options.folder,
        videos=options.videos,
        segments=options.segments,
        keypoints_bytes=int(options.budget_gb * 1e9),
        commits=options.commits,
        merging=not options.no_merging,
    )
    print(f"{lake} in {time.monotonic() - began:,.0f} s")


if __name__ == "__main__":
    main()
