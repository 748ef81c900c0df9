"""Released shards, read straight from their tars: poses and captions of published videos into a lake.

May import captions, tracking, videos and manifest. Start with importer.py (commits) and reader.py (reads, in workers).

    tar_files.py       which tars there are, and which of them hold subtitles
    prepare.py         what precedes an import: tars by kind, the lake, the manifest's labels
    importer.py        worker processes read tars, what they report is committed
    reader.py          a tar as rows: its videos, their language, what cannot be read
    dialects.py        recognises the dialect of a video and reads its keypoints:
    card.py              the dataset card's format
    flat_keys.py         the keys of the tars as released: consolidated and a file a frame
    per_frame.py         one .npz a frame, plain or with dicts, read thousands at a time
    poses.py           keypoints of a video, as arrays, whatever the dialect; limits
    point_rows.py      the points of these, in memory or on disk where they are many
    repairs.py         known defects of the published bytes
    caption_tracks.py  captions in shards and in the subtitles tar
    upload_state.py    the state JSON: which videos each tar should hold
    untrusted/         parsers of tar, npz and pickle that execute nothing
"""
