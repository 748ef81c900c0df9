"""Parsers for files from untrusted sources: nothing that a file contains is executed, and sizes are limited.

May import the lake's model only. Start with pickle_reader.py, which says why.

    tar_reader.py      where each file of a tar lies, without unpacking
    npz_reader.py      arrays of an .npz
    quiet.py           numpy without its warnings
    zip_directory.py   the table of contents of an .npz, before it is read
    pickle_reader.py   arrays of dicts in a pickle, thousands of frames at a time
    pickle_machine.py  the opcodes that pickled numpy arrays need, and no others
    pickle_values.py   what those put on the stack: types, numbers, arrays
    pickle_limits.py   how many opcodes are run, and how much is remembered
"""
