"""What the page shows of clips. Knows neither requests nor routes. Start with catalog.py.

- catalog.py: the clips of a lake in memory, chosen by the conditions of a selection.
- columns.py: reads them, a slice of rows at a time, into columns of few bytes.
- counting.py: how many clips each value of a filter leaves.
- points.py: keypoints as small binary answers.
- details.py: what the page tells of one clip, in words.
- commands.py: what is on the screen as a command and as SQL.
- picks.py: the selection file of the picked clips.
"""
