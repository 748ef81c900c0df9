"""Caption formats: from the bytes of a file to cues, with an account of every cue that is not taken.

May import the lake's model, and of ingest the modules of roll-up, cleaning and tracks beside this folder.

    reader.py        which format a file is, by its content, and reading it
    reading.py       what reading gives: cues, those left out and why, remarks
    encodings.py     bytes to text: UTF-8, UTF-16, and what is not Unicode
    timed_lines.py   WebVTT and SubRip: lines of text under a line with two times and an arrow
    ass.py           ASS and SSA: `Dialogue:` lines
    json3.py         YouTube's json3
"""
