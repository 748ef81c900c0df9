"""Captions: from a file or a caption track to cues, and from cues to the segments of a video.

May import the lake's model and nothing of ingest. Start with tracks.py, then webvtt.py.

    tracks.py        Cue and Track, and which track of a video becomes its segments (`choose`)
    webvtt.py        reading WebVTT: cues, clean text, language and kind
    formats.py       SubRip and YouTube's json3 converted to WebVTT
    files_beside.py  caption files beside a video: their endings, names and reading (.srt would start here)
    track_names.py   language tags of sites and of file names, as BCP 47
    rollup.py        automatic captions that show each line twice, with each line once
    sound_marks.py   [Music], (applause), >>: what is not speech; words in sound_words.csv
    sentences.py     cues joined to sentences; abbreviations in abbreviations.csv
    segments.py      rows of the table `segments` with confidence, coverage and people
    report.py        what would be read from a file, for `signverse inspect`
    settings.py      what --sound-marks and --sentences set
"""
