"""What keeps the files of a lake whole: on disk before a commit counts, and noticed where one is lost.

Every file of a lake is read by way of this package: what is read was compared with a checksum before, once a file.
May know lake.model; lost_files.py takes a Snapshot. Start with digests.py for reading, with sync.py for writing.

    sync.py            files and folders reach the disk
    writers.py         which processes write to a lake, their working folders, and the time by the store's clock
    log_entries.py     reading the entries of a transaction log, and what is wrong with them
    commit_info.py     what an entry says of itself: how many actions it has, and a digest of what it changes
    log_records.py     what is recorded beside the logs: how far each goes, and digests of checkpoints
    checkpoints.py     checkpoints that are whole before anyone sees them
    digests.py         the digest in a file's name: of small tables all of a file is compared
    chunk_checksums.py checksums inside a keypoints file: a page, or a row group's column, for itself
    scan.py            rows for Polars
    duckdb_files.py    files for DuckDB, with a file system of ours for keypoints
    lost_files.py      data files that are missing or cut, and the videos that they cost
    lost_outcomes.py   outcomes `done` that a killed process did not record
    foreign_errors.py  what a library raises over a damaged file becomes one error of ours
"""
