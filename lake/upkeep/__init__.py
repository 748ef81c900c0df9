"""Keeping a lake in shape: compaction, vacuum, takedowns, verification and repair; and what it holds.

May know lake.clips (prefetch), lake.storage and lake.model; takes a Snapshot. Start with plan.py, which decides, then
maintain.py, which carries it out.

    plan.py         which files to rewrite, and why
    maintain.py     carrying out a plan, in the order that loses nothing when it is interrupted
    migrations.py   named steps from an older format to today's
    compaction.py   when files are small, and how many are too many
    rewrite.py      writing the rows of many files into few, sorted by video
    vacuum.py       which files nothing refers to any more
    overview.py     what a lake holds, at a glance
    absence.py      entries that a log lacks, and rows in files that no version names
    dropping.py     what maintenance drops that was never committed
    fresh_log.py    logs of a copy that holds the newest version only
    verify.py       whether every file is as it was written, and every row where it should be
    forget/         videos out of every table, version and file, as a takedown asks
    repair/         mending what was lost from what is there
"""
