"""What the rows of a lake mean, without any I/O but reading languages.csv. Knows no other package.

Start with schema.py.

    schema.py        the seven tables and their columns
    skeleton.py      the 128 joints: parts, names, limbs
    languages.py     sign languages by code, alias, abbreviation or name; languages.csv is the data
    ids.py           valid video ids, ingest ids that sort by time, the ending of caption files
    errors.py        the errors that users see
    thresholds.py    when a hand counts as seen, clear or steady
    frame_ranges.py  24 frames/s; ranges of frames, from seconds too
    times.py         times in ISO 8601
    plain_values.py  numbers, booleans, times and texts from outside, as Python's own
    wording.py       numbers, durations and sizes in messages
    interrupt.py     delaying Ctrl-C
"""
