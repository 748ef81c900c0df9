"""Writing files whose bytes depend on their content alone: no times, no owners, no order of a hash table.

May import lake.model and lake.storage.temporary. Start with tar_writer.py.

- tar_writer.py: a tar, hashed while it is written.
- npz_writer.py: an .npz of plain arrays and of one object array of frames.
- pickle_writer.py: that object array, as numpy would pickle it.
- hashing.py: hashing a file in threads while it is written.
"""
