"""Clips out of the pages of keypoints files, many at a time: each step of Python and of numpy is paid once a batch.

May know lake.model and, of storage, pages, integrity and keypoints. Start with batch.py, which takes the steps in
this order:

    spans.py    which rows of which row groups a clip is
    plan.py     which pages of which row groups; those that clips share, once
    fetch.py    ranges of files into one buffer
    check.py    each page compared with its checksum, once a process
    unpack.py   all pages by one call of zstd
    floats.py   bytes of a column's pages become floats
    nulls.py    which of them are null
    scatter.py  the columns of a part into the points of the clips

Beside these:

    scratch.py       memory that is used again by the next batch
    whole_chunks.py  where pages lie in files of format 1
    row_group.py     what pyarrow reads of a row group whose pages are not known
"""
