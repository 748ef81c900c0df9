"""Videos out of an export that lies there: its files are written again without them, as a takedown asks.

plan.py      what of an export holds them, and which exports are refused
content.py   a tar, or a file of Parquet, without some videos
run.py       carrying it out, so that an interruption is finished by the next run
"""
