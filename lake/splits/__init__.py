"""Train, val and test: dividing the videos of a lake into the parts of a named split, and checking stored splits.

A split keeps groups (channels, or single videos) whole, so that no signer is in two parts. May know lake.query (which
clips count), lake.storage, lake.lists and lake.model; takes a Snapshot. Start with splits.py.

    splits.py       making, storing and checking a split
    apportion.py    which group goes to which part, so that the shares meet the ratios
    published.py    splits that others have made, from a list of videos and parts (--from)
    channels.py     which channel a video is of; lists of channels (--channels)

lake.storage.stored_splits looks up stored splits, for selections too.
"""
