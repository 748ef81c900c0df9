"""A run: downloads and extracts many videos, with workers of both kinds side by side.

It knows `ingest.acquire`, extraction (`ingest.videos`) and the lake. Start with scheduler.py, and with the table in
state_machine.py.

    scheduler.py          the loop: feeds the workers, waits for them, commits
    download_stage.py     starts downloads and takes their outcomes
    extraction_stage.py   starts extractions and takes their rows
    state_machine.py      the states of a video, and what each event makes of them
    retry_queue.py        which video is next, and when
    retry_policy.py       how often a video is tried, and the backoff between tries
    site_breaker.py       the pause of all downloads where a site blocks
    limits.py             backlog and disk space: when downloading waits
    other_runs.py         what other runs have committed meanwhile
    recorder.py           journal, commits, release of leases, removal of media
    progress.py           what is reported while a run works, and its summary
    context.py            what all of these share
"""
