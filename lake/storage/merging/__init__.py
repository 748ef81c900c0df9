"""The number of files of a partition stays bounded: small files are merged as commits come, by those who commit.

May know, of storage, delta, opened files and integrity. Start with small_files.py.

    small_files.py   merging what is due, after a commit
    levels.py        which files are merged: those of one size, when there are ten of them
    rows.py          the rows of several files into one
    lease.py         one process at a time keeps a lake in shape
    retention.py     how long what was replaced is kept
    replaced.py      deleting what merging replaced, after the retention
"""
