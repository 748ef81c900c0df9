"""Whether the files of a lake are there and as they were written, and what it costs where they are not.

lost_files.py   data files that are missing or cut, and the videos that they cost
"""
