"""Lakes of object stores, read by way of a folder of this machine.

May know lake.model. Start with cached_lake.py. Other modules of storage ask `want` for the ranges that they read,
which does nothing where a lake is a folder of this machine.

    address.py       s3://, gs:// and az:// addresses
    options.py       which options of stores there are, and where they go
    object_store.py  names, objects and ranges; what errors of the client mean
    cached_lake.py   the folder that stands for a lake: its logs, its small tables, its keypoints as they are read
    blocks.py        files of which parts are here
    cache_folder.py  where the folders are, and the bound of what they take
"""
