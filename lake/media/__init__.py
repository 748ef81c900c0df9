"""A video file's pictures at 24 a second: what ingestion looks at, and what skeletons are drawn on.

Knows `lake.model` (errors, frame rate) and PyAV, which is imported inside functions: it would slow the start of the
command line. Start with decode.py.

    decode.py        a video file to frames at 24 a second, damage and rotation included
    seeking.py       the frames from one in the middle on, without decoding those before
    opening.py       a file to a container of FFmpeg, or a refusal in one line
    encryption.py    whether its pictures are encrypted
    streams.py       which of its streams is the video
    facts.py         size as displayed, sample aspect, rotation, rate and claimed duration
    clock.py         timestamps on one clock from the container's start
    packets.py       its packets, which an index may name again without end
    remainder.py     a recording that follows in the file and is not read
    filter_graph.py  square pixels, rotation, 24 frames a second, BGR
"""
