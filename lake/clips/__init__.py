"""Reading many clips: for numpy loops and for PyTorch, in any order, with prefetching, resumable.

May know lake.query (selections), lake.storage and lake.model; takes a Snapshot. Start with table.py, then stream.py.

    table.py           which clips: from a selection, rows or a file to arrays, checked against the lake
    order.py           the order of reading: stored or shuffled by row groups; what each rank and worker reads
    stream.py          the iterator over clips, with prefetching threads and a state
    torch_dataset.py   map-style and iterable datasets for PyTorch, and collate
    torch_batches.py   what a DataLoader asks for: the batch size
    prefetch.py        a thread that makes the next items while the last ones are used
"""
