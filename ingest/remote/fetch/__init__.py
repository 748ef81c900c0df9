"""Fetching wanted videos out of tars that lie elsewhere, without the rest of the tars.

May import the sources, shards and what is below. Start with find.py, which finds the videos, and into_lake.py.

    wanted.py      which videos: of a manifest, in some languages, or of a list of ids
    find.py        which tars hold them
    survey.py        what is known of each tar: from an index, or by a walk of its headers
    known.py         the index, in the user's cache or beside the tars
    walk.py          the walk
    plan.py          which tar each video is taken from, and which bytes that needs, in which requests
    transfer.py    brings those bytes, some tars at a time
    copies.py        partial copies of tars, on which a later run goes on
    streams.py       threads that read side by side
    into_lake.py   what has arrived, through the reader of shards into a lake
    into_tars.py   what has arrived, into tars of its own
    account.py     what became of each video
"""
