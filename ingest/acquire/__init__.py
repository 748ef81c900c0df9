"""Acquisition: from a manifest of ids to videos and captions on disk, with an outcome for each that is not available.

It knows the rooms below it (`ingest.videos` extracts what was downloaded, `ingest.captions` converts captions) and the
lake, whose room `outcomes` reads what is written here. Read `scheduling/scheduler.py` first, for a single video
`download/worker.py`.

    download/         one video: yt-dlp, caption tracks, settings, and the outcome that an error stands for
    scheduling/       a run: the loop, the states of a video, retries, backoff, limits
    run.py            a run from the checks to the last commit, for `signverse ingest run` and programs
    media_folder.py   finished videos and unfinished downloads on disk
    leases.py         several processes and machines that share one media folder
    worklist.py       which videos of a manifest a run is about, and their addresses
    preflight.py      what is checked before anything is requested
    options.py        what the options of the commands ask for
    forecast.py       hours and gigabytes to expect, for `signverse ingest plan`
"""
