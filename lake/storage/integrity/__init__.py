"""Whether the files of a lake are there and as they were written, and what it costs where they are not.

foreign_errors.py  what a library raises over a damaged file becomes one error of ours
lost_files.py      data files that are missing or cut, and the videos that they cost
"""
