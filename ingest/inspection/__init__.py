"""What would be read from a file, for `signverse inspect`: nothing is imported, and nothing is written.

May know `lake.jobs`, `ingest.shards`, `ingest.videos` (folders), `ingest.extract` (probe), `ingest.captions` and the
manifest; not the command line. Start with files.py.

    run.py       the process that reads the files, with limits of memory and time
    files.py     the files that were named or lie in a folder
    one_file.py  what a file holds
    kinds.py     what a file is, by its content: a shard, a subtitles tar, a video, captions or a manifest
    report.py    what is said of a file: lines for people, and a row for tables and files; the rows of videos of shards
    video.py     streams, clock, shape and captions of a video
    captions.py  format, language and cues of a caption file
    manifest.py  columns, languages and refused rows of a manifest
    shard.py     the videos of a shard: dialect, people, defects, captions
    subtitles.py the caption tracks of a subtitles tar, by video
    as_lake.py   one video of a released file as a lake of its own, for pictures of it
"""
