"""Videos that a lake has forgotten, as a takedown asks, and that it does not take again.

May know lake.storage.integrity and what writes files; lake/upkeep/forget/ does the forgetting. Start with
tombstones.py.

    tombstones.py   which videos were forgotten: salted hashes of their ids, with reason and date
    commit_lock.py  commits and a forgetting take turns
    leaving_out.py  videos that were forgotten before their commit, or before it was tried again
"""
