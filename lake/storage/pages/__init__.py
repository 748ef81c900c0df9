"""Where the pages of a keypoints file lie: what finding and reading a clip needs, beside the checksums of its parts.

May know, of storage, keypoints and integrity. Start with block.py.

    block.py         the block of a keypoints file: made by the writer, read once a process
    page_table.py    its row groups and pages, as arrays
    page_headers.py  the headers of pages, read once, by the writer
    footers.py       cached footers, of files of which a reader needs them
"""
