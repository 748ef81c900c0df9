"""Questions to a lake: which clips, SQL, reports, and how the answers are written.

May import lake.jobs, lake.storage and lake.model; takes a Snapshot, never a Lake. Start with selection.py.

    selection.py       Selection: the conditions on clips, one attribute with its filter each
    filter_kinds.py    the kinds of filters: checks, words, command-line option
    conditions.py      a condition on a clip, as a Polars expression and as SQL
    engines.py         runs a selection in Polars or DuckDB
    sampling.py        random samples by seed, hours, languages and temperature
    selection_file.py  reads what `signverse select -o` wrote
    session.py         a DuckDB session with the views and macros of sql/
    read_only.py       runs one SQL statement and refuses what writes
    bounded/           the same for a page in the browser: bounded in time and memory, in a process of its own
    sql_errors.py      DuckDB's errors in one line
    reports.py         the named reports of sql/reports/ and their short forms
    plots.py           the reports as pictures
    output.py          rows as table, CSV, JSON or Parquet, to the terminal or a file
    text_table.py      rows as a table that fits the terminal
"""
