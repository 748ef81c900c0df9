"""The commands of ingestion. A command is thin: words become arguments of a public function, results become words.

May import everything of ingest. Start with commands.py, which adds them all. Imported at every start of the command
line, so heavy libraries are imported inside the functions.

    commands.py            the list of the commands
    shared.py              groups, options and messages of several commands
    videos.py              `ingest videos`; progress.py draws its progress bar
    captions.py            `ingest captions`
    fetch.py               `fetch`
    shards.py              `ingest shards`; shards_report.py has progress and summary
    inspection.py          `inspect`
    acquisition/           `ingest plan`, `ingest download`, `ingest run`, `status`
    extraction_options.py  options of all commands that extract
    models.py              `models list`, `models pull`
    doctor.py              `doctor`
    quickstart.py          `quickstart`
"""
