"""The commands of acquisition: `ingest plan`, `ingest download`, `ingest run` and `status`.

May import everything of ingest, as the package above. Start with commands.py.

    commands.py  the commands
    options.py   the options of the commands that download
    screen.py    what a run shows while it works, and the tables of `status`
"""
