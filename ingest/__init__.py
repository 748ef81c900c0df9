"""Ingestion: videos, downloads and released shards become rows of a lake.

May import signverse.lake and nothing of signverse.export. An import-linter contract keeps the order, each may import
what is below it:

    cli/                    the commands `ingest`, `models`, `inspect`, `status`, `doctor`, `quickstart`
    quickstart.py           the main commands on the sample
    doctor.py               what this machine has, and what extraction would use
    sample/                 synthetic signers and a public-domain portrait
    remote/                 tars on the hub, a web server or in a bucket, read in part
    acquire/                downloading, alone or together with extraction
    recaption/              captions for videos that the lake has already
    inspection/             what would be read from a file
    shards/                 importing released shards
    videos/                 a folder of videos into the lake: plan, workers, rows
    extract/                a video to keypoints
    models/, tracking/, captions/   the ONNX models; people from frame to frame; captions to segments
    manifest.py             which videos, in which sign language

Start with videos/run.py.
"""
