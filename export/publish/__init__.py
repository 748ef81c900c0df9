"""What goes to the hub, and what describes it there.

May import export.release, export.formats, export.draw and lake.

- card.py: README.md and croissant.json of an export or a lake; start there.
- croissant.py: croissant.json. dataset_card/: the parts of README.md.
"""
