"""Forgetting videos, as a takedown asks: out of every table, version, log and file of a lake.

May know the rest of lake.upkeep. Start with run.py.

    which.py     the videos of a list or a channel, and which ids a lake knows
    plan.py      the files that hold them, and what stands against a forgetting
    run.py       carrying it out, so that an interruption loses nothing and the next run goes on
    logs.py      transaction logs without the ids
    needles.py   looking for ids in texts and bytes
    search.py    looking for ids in a file of any kind, unpacked
    proof.py     whether anything of a forgotten video is left in a folder
"""
