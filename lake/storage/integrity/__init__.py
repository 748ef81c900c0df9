"""What keeps the files of a lake whole: on disk before a commit counts, and noticed where one is lost.

May know lake.model; lost_files.py takes a Snapshot. Start with sync.py.

    sync.py            files and folders reach the disk
    writers.py         which processes write to a lake, their working folders, and the time by the store's clock
    log_entries.py     reading the entries of a transaction log, and what is wrong with them
    checkpoints.py     checkpoints that are whole before anyone sees them
    lost_files.py      data files that are missing or cut, and the videos that they cost
    lost_outcomes.py   outcomes `done` that a killed process did not record
    foreign_errors.py  what a library raises over a damaged file becomes one error of ours
"""
