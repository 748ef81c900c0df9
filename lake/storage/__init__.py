"""The files of a lake: Delta log, Parquet files and their rows.

May know lake.lists and lake.model. Start with snapshot.py for reading and committer.py for writing.

    snapshot.py        a version of the tables: opening, creating, visible rows, keypoints of a video
    location.py        where a lake may lie, and making one
    lake_format.py     the format of a lake, and raising it
    delta.py           the transaction log: open, append, replace files
    opened_tables.py   tables that this process has opened, so that their logs are read once
    committer.py       finished videos become rows, committed together
    file_writer.py     one data file while it is written
    parquet_layout.py  how Parquet files are written, with the measured choices
    reader.py          keypoints of a clip: the row groups of a placement, and no others
    keypoints.py       keypoints as numpy arrays and as rows, both ways
    sources.py         the table of listed videos
    stored_splits.py   looking up splits and their parts
    spill.py           what does not fit into memory, on disk
    pages/             where the pages of a keypoints file lie
    clip_reader/       clips out of these pages, many at a time
    forgotten/         videos that were taken down, which are not taken again
    stores/            lakes of object stores, read by way of a folder of this machine
    temporary/         temporary folders, and files that appear whole or not at all
    merging/           small files become few as commits come, under a lease
    integrity/         files on disk before a commit counts; whether they are there and as they were written
"""
