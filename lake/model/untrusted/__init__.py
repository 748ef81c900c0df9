"""What strangers gave: their files are opened only if nothing can wait or flow for ever, their texts printed as text.

May know lake.model.errors; everything that reads or prints what is not ours uses it.

    regular_files.py  opening a file that a folder, an archive or a listing names
    terminal_text.py  a text as a terminal may have it: controls, turns of direction and unseen characters escaped
"""
