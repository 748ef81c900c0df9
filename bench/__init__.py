"""Benchmarks: speed, size and accuracy beside what one would use instead.

`python -m bench --help` lists them; `just bench` runs all, `just bench layout` one. Start with `__main__.py`: each
benchmark is a module of its name. The other modules are what they share:

- `corpus.py` makes a lake of the released size; `sample_videos.py` finds the sample videos and models.
- `references.py` runs easy-dwpose and rtmlib; `random_models.py` makes models of production size.
- `synthetic_scenes.py`, `composed_videos.py`, `held_out_videos.py` and `still_pictures.py` make videos of known people;
  `iou_baseline.py` is a plain tracker to compare with.
- `shard_work.py` and `shard_memory.py` belong to `shards.py`; `memory.py` reads peak memory; `pictures.py` draws.
"""
