"""The card of a data set (README.md) in its parts: figures, header, sections, pictures.

May import export.release, export.formats, export.draw and lake. Start with facts.py; export/publish/card.py puts the
parts together.

- facts.py: the figures of an export or a lake, counted, and kept in statistics.json. fallback_facts.py: of a folder
  without it. missing.py: which listed videos are not there, by reason.
- clips_table.py: clips.parquet, which the default configuration of an export of Parquet reads.
- header.py: the YAML that the hub and `load_dataset` read. features.py: types of the columns in it. yaml_text.py: how
  it is spelled and read.
- body.py, people.py, reading.py: the sections. sections.py: which of an earlier card survive.
- markdown.py: other people's texts in Markdown.
- pictures.py: the languages and a strip of skeletons.
"""
