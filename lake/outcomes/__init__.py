"""What became of each listed video: the state of a corpus that is being built.

Takes a Snapshot. Reads only: `ingest.acquire` writes what is read here. Start with status.py.

    states.py      the state of every listed video, from the lake and the media folder
    status.py      these states as numbers, for `signverse status` and the page of `signverse explore`
    folder.py      the finished videos and unfinished downloads of a media folder
    runs.py        the runs that share a media folder: at work, silent or ended
    next_steps.py  what to do about a video that was not had (next_steps.csv)
"""
