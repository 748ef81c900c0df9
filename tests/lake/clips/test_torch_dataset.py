"""Clips for PyTorch: by index and to iterate over, in workers and ranks, shuffled, and from any sample on."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys

import numpy as np
import polars as pl
import pytest

from signverse.lake.lake import Lake
from signverse.lake.model.errors import BadInputError, EmptySelectionError
from tests.lake.clips.resuming import read_and_resumed

try:
    import torch
    from torch.utils.data import DataLoader

    from signverse.lake.clips.torch_dataset import collate
except ModuleNotFoundError:
    torch = None

needs_torch = pytest.mark.skipif(torch is None, reason="PyTorch is not installed: uv run --with torch pytest")


@pytest.fixture(scope="module")
def street(tmp_path_factory, fill, video):
    texts = tuple(f"Sentence {i}" for i in range(30))
    folder = tmp_path_factory.mktemp("street") / "lake"
    fill(folder, video("zebra", "ase", 2500, texts=texts), video("ant", "pso", 300, texts=texts[:7]))
    return fill(folder, video("mole", "ase", 1100, people=2, texts=texts[:20]))


@pytest.fixture
def open_street(street):
    opened = Lake.open(street)
    yield opened
    opened.close()


def ids(samples) -> list[str]:
    return [sample["segment_id"] for sample in samples]


def just_the_id(sample):
    return sample["segment_id"]


def first_of(batch):
    return batch


def test_without_torch_one_line_says_what_to_install(street):
    code = f"""
import sys
sys.modules["torch"] = None
from signverse.lake.model.errors import BadInputError
from signverse.lake.lake import Lake
lake = Lake.open({str(street)!r})
try:
    lake.torch_dataset(lake.clips())
except BadInputError as error:
    print(error)
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "PyTorch is not installed. Run: pip install torch.\n"


def test_reading_clips_as_numpy_never_imports_torch(street):
    code = f"""
import sys
from signverse.lake.lake import Lake
lake = Lake.open({str(street)!r})
next(lake.read_clips(lake.clips()))
assert "torch" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)


@needs_torch
def test_a_sample_is_a_tensor_with_what_is_known_of_it(open_street):
    rows = open_street.clips(videos=["ant"]).collect()
    dataset = open_street.torch_dataset(rows, map_style=True)
    assert len(dataset) == 7
    sample = dataset[2]
    points = open_street.keypoints("ant", start_frame=sample["start_frame"], end_frame=sample["end_frame"])
    assert sample["points"].dtype == torch.float32
    np.testing.assert_array_equal(sample["points"].numpy(), points)
    assert {name: value for name, value in sample.items() if name != "points"} == {
        name: rows[name][2] for name in ("segment_id", "video_id", "start_frame", "end_frame", "text", "sign_language")
    }
    assert dataset[-1]["segment_id"] == rows["segment_id"][6]
    with pytest.raises(IndexError):
        dataset[7]


@needs_torch
@pytest.mark.parametrize("map_style", [False, True])
def test_nan_is_kept_or_filled_parts_chosen_and_samples_transformed(open_street, map_style):
    clips = open_street.clips(videos=["mole"])

    def every(**options):
        return list(DataLoader(open_street.torch_dataset(clips, map_style=map_style, **options), batch_size=None))

    kept, filled = every(), every(fill=0.0)
    assert ids(kept) == ids(filled)
    for one, other in zip(kept, filled, strict=True):
        assert one["points"].isnan().any()
        assert torch.equal(other["points"], one["points"].nan_to_num(0.0))
    hands = every(parts=["left_hand", "right_hand"])
    assert {tuple(sample["points"].shape[1:]) for sample in hands} == {(42, 3)}
    assert every(transform=just_the_id) == ids(kept)


@needs_torch
def test_a_batch_by_index_may_hold_a_clip_twice(open_street):
    dataset = open_street.torch_dataset(open_street.clips(), map_style=True, fill=0.0)
    one, other, again = dataset.__getitems__([5, 50, 5])
    assert ids([one, other, again]) == [dataset[5]["segment_id"], dataset[50]["segment_id"], dataset[5]["segment_id"]]
    one["points"] += 1
    assert not torch.equal(one["points"], again["points"])


@needs_torch
@pytest.mark.slow
@pytest.mark.parametrize("start", ["fork", "spawn"])
@pytest.mark.parametrize("map_style", [False, True])
def test_workers_share_the_clips_without_overlap_or_loss(open_street, start, map_style):
    rows = open_street.clips().collect()
    # As a user has it who looked at a clip first: a worker must not use what its parent has open.
    dataset = open_street.torch_dataset(rows, map_style=map_style)
    whole = {
        sample["segment_id"]: sample for sample in (dataset if not map_style else map(dataset.__getitem__, range(57)))
    }
    assert len(whole) == 57
    loader = DataLoader(
        dataset, batch_size=4, num_workers=3, collate_fn=collate, multiprocessing_context=start, timeout=60
    )
    seen = []
    for batch in loader:
        seen += batch["segment_id"]
        for name, points, length in zip(batch["segment_id"], batch["points"], batch["lengths"], strict=True):
            np.testing.assert_array_equal(points[:length].numpy(), whole[name]["points"].numpy())
            assert (points[length:] == 0).all()
    assert sorted(seen) == sorted(rows["segment_id"])
    if map_style:
        assert seen == rows["segment_id"].to_list()


@needs_torch
def test_a_dataset_is_pickled_without_what_it_has_open(open_street):
    for map_style in (False, True):
        dataset = open_street.torch_dataset(open_street.clips(), map_style=map_style)
        if map_style:
            dataset[0]
        again = pickle.loads(pickle.dumps(dataset))
        first = again[0] if map_style else next(iter(again))
        assert first["points"].shape[1:] == (128, 3)


@needs_torch
@pytest.mark.parametrize("world_size", [1, 3, 5])
def test_ranks_share_the_clips_and_epochs_shuffle_them_anew(open_street, world_size):
    rows = open_street.clips().collect()

    def epoch(number: int, seed: int = 7) -> list[list[str]]:
        told = []
        for rank in range(world_size):
            dataset = open_street.torch_dataset(
                rows, shuffle=True, seed=seed, rank=rank, world_size=world_size, read_ahead=8, uneven="keep"
            )
            dataset.set_epoch(number)
            told.append(ids(dataset))
            assert len(told[-1]) == len(dataset)
        return told

    first, again, next_one, other = epoch(0), epoch(0), epoch(1), epoch(0, seed=8)
    for shares in (first, next_one, other):
        assert sorted(name for share in shares for name in share) == sorted(rows["segment_id"])
        assert max(map(len, shares)) - min(map(len, shares)) <= 1
    assert first == again
    assert first != next_one
    assert first != other


@needs_torch
@pytest.mark.slow
def test_workers_that_outlive_an_epoch_hear_of_the_next(open_street):
    dataset = open_street.torch_dataset(open_street.clips(), shuffle=True, read_ahead=8, transform=just_the_id)
    loader = DataLoader(dataset, batch_size=None, num_workers=2, persistent_workers=True, timeout=60)
    epochs = []
    for number in range(2):
        dataset.set_epoch(number)
        epochs.append(list(loader))
    assert sorted(epochs[0]) == sorted(epochs[1])
    assert epochs[0] != epochs[1]


@needs_torch
@pytest.mark.parametrize("shuffle", [False, True])
def test_an_iteration_that_is_resumed_goes_on_with_exactly_the_next_sample(open_street, shuffle):
    dataset = open_street.torch_dataset(open_street.clips(), shuffle=shuffle, seed=3, read_ahead=10)
    dataset.set_epoch(2)
    whole = ids(dataset)
    for stop in (0, 1, 9, 10, 11, 56, 57):
        samples = iter(dataset)
        read = [next(samples)["segment_id"] for _ in range(stop)]
        state = json.loads(json.dumps(samples.state_dict()))
        # The new process was not told the epoch: the state knows.
        after = iter(open_street.torch_dataset(open_street.clips(), shuffle=shuffle, seed=3, read_ahead=10))
        after.load_state_dict(state)
        assert read + ids(after) == whole


@needs_torch
@pytest.mark.slow
@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("map_style", [False, True])
def test_a_stateful_dataloader_is_resumed_to_the_sample(open_street, workers, map_style):
    data = pytest.importorskip("torchdata.stateful_dataloader", reason="torchdata is not installed")

    def loader():
        shuffle = {} if map_style else {"shuffle": True, "seed": 5, "read_ahead": 6}
        dataset = open_street.torch_dataset(open_street.clips(), map_style=map_style, transform=just_the_id, **shuffle)
        return data.StatefulDataLoader(dataset, batch_size=3, num_workers=workers, collate_fn=first_of)

    whole = list(loader())
    assert sum(map(len, whole)) == 57
    for stop in (1, 7, len(whole)):
        read, rest = read_and_resumed(loader, stop)
        if stop < len(whole):
            assert read + rest == whole


@needs_torch
def test_batches_of_similar_length_have_less_padding_and_every_clip_once(open_street):
    clips = open_street.clips().collect()
    # Lengths that differ by far more than chance: clips of 5 to 60 frames.
    lengths = [5 + 11 * (i % 6) for i in range(clips.height)]
    clips = clips.with_columns((clips["start_frame"] + pl.Series(lengths)).alias("end_frame"))

    def batches(**options):
        dataset = open_street.torch_dataset(clips, shuffle=True, read_ahead=60, **options)
        return list(DataLoader(dataset, batch_size=4, collate_fn=collate))

    def padded(found):
        return sum(int((~batch["mask"]).sum()) for batch in found)

    plain, grouped = batches(), batches(group_by_length=True)
    assert sorted(i for batch in grouped for i in batch["segment_id"]) == sorted(clips["segment_id"])
    assert [len(batch["lengths"]) for batch in grouped] == [len(batch["lengths"]) for batch in plain]
    assert padded(grouped) < padded(plain) / 3
    assert [batch["segment_id"] for batch in grouped] != [
        batch["segment_id"] for batch in batches(group_by_length=True, seed=1)
    ]


@needs_torch
def test_an_epoch_in_batches_of_similar_length_is_resumed_to_the_sample(open_street):
    def samples(**options):
        return iter(open_street.torch_dataset(open_street.clips(), shuffle=True, read_ahead=10, **options))

    whole = ids(samples(group_by_length=True))
    first = samples(group_by_length=True)
    read = [next(first)["segment_id"] for _ in range(23)]
    after = samples(group_by_length=True)
    after.load_state_dict(first.state_dict())
    assert read + ids(after) == whole
    with pytest.raises(BadInputError, match="group_by_length"):
        samples().load_state_dict(first.state_dict())


@needs_torch
def test_the_state_of_another_rank_is_refused(open_street):
    def samples(rank, world_size):
        return iter(open_street.torch_dataset(open_street.clips(), rank=rank, world_size=world_size))

    state = samples(0, 2).state_dict()
    for rank, world_size in ((1, 2), (0, 3)):
        with pytest.raises(BadInputError, match="the state is of rank"):
            samples(rank, world_size).load_state_dict(state)


@needs_torch
def test_the_process_group_tells_the_rank(open_street, tmp_path):
    torch.distributed.init_process_group("gloo", init_method=f"file://{tmp_path}/meet", rank=0, world_size=1)
    try:
        dataset = open_street.torch_dataset(open_street.clips())
        assert (dataset.rank, dataset.world_size, len(dataset)) == (0, 1, 57)
    finally:
        torch.distributed.destroy_process_group()


@needs_torch
def test_what_makes_no_sense_is_refused(open_street):
    clips = open_street.clips()
    for options, words in (
        (
            {"map_style": True, "shuffle": True},
            "neither shuffle nor rank and world_size, nor uneven. Give the DataLoader shuffle=True",
        ),
        ({"map_style": True, "rank": 0, "world_size": 2}, "neither shuffle nor rank and world_size"),
        ({"rank": 1}, "one of rank and world_size was given"),
        ({"uneven": "odd"}, "unknown value 'odd' of uneven. Values: repeat, drop, keep"),
        ({"rank": 0, "world_size": 58, "uneven": "drop"}, "57 clips for 58 ranks: with uneven='drop' no rank gets any"),
        ({"rank": 0, "world_size": 58, "uneven": "keep"}, "some ranks get none. Use fewer ranks, or uneven='repeat'"),
        ({"rank": 2, "world_size": 2}, "rank is 2 of 2. It takes 0 to 1"),
        ({"group_by_length": True}, "group_by_length is of a shuffled order. Add shuffle=True"),
        ({"parts": ["foot"]}, "not a part of the body"),
    ):
        with pytest.raises(BadInputError, match=words):
            open_street.torch_dataset(clips, **options)
    with pytest.raises(BadInputError, match="epoch is -1"):
        open_street.torch_dataset(clips).set_epoch(-1)
    with pytest.raises(EmptySelectionError):
        open_street.torch_dataset(open_street.clips(text="zzz"))
