"""What the rows of a lake mean, without any I/O but reading the tables of languages. Knows no other package.

Start with schema.py.

    schema.py        the seven tables and their columns
    skeleton.py      the 128 joints: parts, names, limbs
    languages.py     sign languages by code, alias, abbreviation or name; languages.csv, language_names.csv
    spoken_languages.py  what is signed where a language is spoken; spoken_languages.csv
    ids.py           valid video ids, the id in a file's name, ingest ids that sort by time
    errors.py        the errors that users see
    thresholds.py    when a hand counts as seen, clear or steady
    frame_ranges.py  24 frames/s; ranges of frames, from seconds too
    times.py         times in ISO 8601
    plain_values.py  numbers, booleans, times and texts from outside, as Python's own
    places.py        the address that messages show of a lake in a store
    wording.py       numbers, durations and sizes in messages
    interrupt.py     delaying Ctrl-C
    untrusted/       opening files and printing texts of strangers
"""
