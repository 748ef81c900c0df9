"""The formats that an export can be written in, a file each.

May import export.draw, export.writers and lake. Start with format.py: what a format says of itself. A new one is a file
that ends in a `ClipFormat` (or a `ShardLayout`), a line in registry.py, and a command in export/cli/clips.py.

- card.py, consolidated.py: layouts of a release shard.
- webdataset.py, parquet.py, posefile.py: formats of clips.
- format.py: what each of them says: names of files, sizes, how to write, how to verify. registry.py: the list of them.
- video_content.py, clip_content.py: what of a video or a clip is written, read from the lake, whatever the format.
- read_tar.py: members of tars that are verified.
- index_rows.py: the rows of index.csv. defaults.py: what the command line says of formats.
"""
