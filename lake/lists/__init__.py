"""Lists that people give: manifests, channels, splits, selections. From the bytes of a file to rows of named columns.

One reader for all of them, so that each list may have any separator, encoding and format that another may have. Nothing
is left out in silence: a row is taken, refused with its line, or counted as a comment or blank. May know lake.model.
Start with table.py.

    table.py        read_table: rows, with our name for each column
    text.py         bytes to text: UTF-8, UTF-16; what is not text
    separated.py    CSV: separators, quotes, comments, Excel's `sep=;`
    structured.py   JSON, JSON lines, what yt-dlp writes, Parquet
    bounded_parquet.py  Parquet of which no more is made than its bytes can honestly stand for
    parquet_footer.py   Parquet whose table of contents contradicts itself is refused
    records.py      what the readers of the formats give
    columns.py      which column is which, by the names that people use
    tar_members.py  the index of the members of tars: Parquet, written and checked
    addresses.py    the video id in an address or a file's name
"""
