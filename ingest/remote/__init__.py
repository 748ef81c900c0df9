"""Tars that lie elsewhere, read in part: on the Hugging Face hub, a web server, in a bucket, or in a folder.

May import acquire, shards, videos and what is below them. Start with sources/address.py.

    fetch/      wanted videos out of tars, into a lake
    sources/    where the tars are, and any range of their bytes
"""
