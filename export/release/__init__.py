"""Folders of exports: what of a lake goes in, how they are written, resumed, indexed and verified.

May import export.formats, export.draw, export.writers and lake. Start with folder.py.

- folder.py: the folder of any export, written in units; resumption, clearing away, worker processes.
- choice.py: the videos and clips that go in, by a selection.
- shards.py: release shards: tars of videos.
- clip_exports.py: clips in one of the formats of clips.
- clip_videos.py: clips drawn as videos, a file each.
- index.py: index.csv and SHA256SUMS.
- members.py: members.parquet: where in its tar each member is.
- takedown/: an export without some videos.
- verify.py: whether the files are what these say.
"""
