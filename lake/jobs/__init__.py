"""Where work runs. Ingestion and export give tasks to an executor and get events back; neither starts processes.

May import: lake.model, lake.storage. Start with executor.py.

- executor.py: `Engine` makes an `Executor`, which takes tasks and yields events; what every engine must keep.
- events.py: what happened to a task: progress, result, error, died, stalled, memory.
- pool.py: the engine of this machine: `LOCAL`, worker processes that may die without taking the rest along.
- process.py: the worker's side of it: does tasks, breaks off and cleans up when it is to end or its parent is gone.
- memory.py: how much memory a process may take, and the watch that ends one that takes more.
- left_out.py: pandas, which no command and no worker imports.
- fd_passing.py: messages between the two, open files included.

Another engine (Ray, a batch scheduler) is one more file with an `Engine` and an `Executor`; nothing else changes.
"""
