"""Rows of a lake out to files: release shards, clips in other formats, pictures; and files out to the hub.

May import signverse.lake, never signverse.ingest. Start with release/folder.py for how an export is written, or with
formats/registry.py for what there is. From top to bottom, each package imports those below it only:

- cli: the commands export, publish, verify and picture.
- publish: exports as data sets of the Hugging Face hub.
- release: the folder of an export: what goes in, how it is written, resumed, indexed and verified.
- formats: a file for each format.
- draw: people as skeletons.
- writers: tar, npz and pickles whose bytes depend on their content alone.
"""
