"""Captions: from a file or a caption track to cues, and from cues to the segments of a video.

May import the lake's model and nothing of ingest. Start with tracks.py, then track_reader.py.

    tracks.py        Cue and Track, and which track of a video becomes its segments (`choose`)
    track_reader.py  a track from the bytes of a file: language, kind, each caption once, an account of all cues
    formats/         WebVTT, SubRip, ASS and json3: from bytes to cues
    files_beside.py  caption files beside a video: their names and reading
    embedded.py      caption tracks inside a video file
    track_names.py   language tags of sites and of file names, as BCP 47; languages in language_codes.csv
    cleaning.py      the words of a cue without markup
    rollup.py        captions that are shown more than once, with each once
    sound_marks.py   [Music], (applause), >>: what is not speech; words in sound_words.csv
    sentences.py     cues joined to sentences; abbreviations in abbreviations.csv
    segments.py      rows of the table `segments` with confidence, coverage and people
    settings.py      what --sound-marks and --sentences set
"""
