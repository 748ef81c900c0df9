"""Reading many clips: for numpy loops and for PyTorch, in any order, with prefetching, resumable.

May know lake.query (selections), lake.storage and lake.model; takes a Snapshot. Start with table.py, then stream.py.

    table.py           which clips: from a selection, rows or a file to arrays, checked against the lake
    order.py           the order of reading: stored or shuffled by row groups; what each rank and worker reads
    preparation.py     what is done to each clip as it is read: another frame rate, windows, normalization
    output.py          how they are returned: a number for absent points, which are there, half precision
    normalize.py       moving and scaling by the shoulders
    resample.py        changing the frame rate
    windows.py         cutting clips into windows
    stream.py          the iterator over clips, with prefetching threads and a state
    torch_dataset.py   map-style and iterable datasets for PyTorch, and collate
    torch_batches.py   what a DataLoader asks for: the batch size
    prefetch.py        a thread that makes the next items while the last ones are used
"""
