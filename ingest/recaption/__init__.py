"""Captions for videos that the lake has already: `signverse ingest captions`.

Knows: `ingest.videos` (rows, stored captions), `ingest.shards` (subtitles tars), `ingest.captions` and the lake; not
the command line. Start with run.py.

    find.py  which caption files of a folder, and which of a subtitles tar, belong to which video of the lake
    run.py   their rows from the stored keypoints, and the commit
"""
