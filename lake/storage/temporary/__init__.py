"""Temporary files and folders, and files that appear whole or not at all; what a killed process leaves is removed.

May know lake.model and how lake.storage.integrity syncs. Start with leftovers.py.

    process_mark.py  which process made a file, written in its name
    leftovers.py     temporary folders; removing those, and half-written files, of processes that have ended
    whole_file.py    files that take their name only when all of it is written
"""
