"""What a lake is: its files, its tables, questions to it, training data and splits from it, and its maintenance.

Knows neither ingest nor export. From top to bottom, each may know those below (import-linter checks it):

    cli/             the commands
    lake.py          Lake, the one object that users hold
    splits/ upkeep/  train, val and test; compaction, vacuum, verification
    outcomes/        what became of each listed video
    clips/           reading many clips, for numpy and PyTorch
    query/           selections, SQL, reports
    jobs/            where work runs
    storage/         the files: Snapshot reads, Committer writes
    lists/           lists that people give, such as manifests
    media/           a video file to pictures at 24 a second
    model/           what rows mean

Packages below lake.py take a Snapshot, never a Lake. Start with lake.py and storage/snapshot.py.
"""
