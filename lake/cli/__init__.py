"""The commands that work on a lake, and what all commands of the program share.

May import all of signverse.lake. A command is thin: it turns words into arguments of a public function, and results
into words. Heavy libraries are imported inside the commands: `signverse --help` loads these modules.

Start with query.py.

    query.py              sql, select, stats, keypoints
    info.py               info
    split.py, maintain.py, repair.py
                          the commands of these names
    selection_options.py  the options that choose clips, of select, split and the exports
    shared.py             options of several commands, remarks and errors on stderr, --quiet
    option_groups.py      one parameter of a command for several options of the command line
    groups.py             groups of commands: help in sections, options typed before the command
    entry.py              runs a command line: exit codes, errors in one line
    progress.py           the console and a bar on stderr
    prompt.py             the prompt of `signverse sql`
"""
