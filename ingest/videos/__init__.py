"""Ingestion of videos: a folder of files to the rows of a lake.

Knows: `ingest.extract` (keypoints), `ingest.captions`, `ingest.models`, `ingest.manifest`, the worker pool of
`lake.jobs` and the committer of `lake.storage`; not the command line. Start with `run.py`.

- `options.py`: how videos are extracted; `prepare.py`: checks, the lake and the plan, before a run.
- `plan.py`: which videos of a folder are to be extracted; `folder_scan.py`: what lies in it; `video_names.py`: ids.
- `workers.py`: how many workers, and what each does with a video.
- `run.py`: the run itself: workers, commits, failures.
- `account.py`: what a run took, changed and left, for its last lines.
- `stored_captions.py`: the caption tracks that a lake has, and how those of files differ.
- `rows.py`: the rows of one video, of extraction and of imported shards alike.
- `caption_times.py`: captions of a video whose clock leaps.
- `redo.py`: `--redo [WHERE]`; `relabel.py`: a language corrected by a manifest, without extraction.
"""
