"""Statements of people who are not at the terminal: bounded in time, memory and rows, and cancelled when nobody waits.

DuckDB bounds what its tables and sorts take, and not what one cell does: `select repeat('x', 3000000000)` takes 3 GB.
So a statement runs in a process of its own, which the system allows no more memory than a statement may have. May
import what `lake.query` may. Start with statements.py.

    statements.py  `Statements` runs them in processes, and ends those that take too long or are cancelled
    worker.py      the process's side: the memory that it may take, the lake that it reads
    first_rows.py  the first rows of one statement within its bounds, and how many more there are
    shown.py       rows as texts for a page, long cells cut
"""
