"""Repair: what can be mended in a lake from what is there, and what cannot.

Nothing that is taken out of a log or a table is deleted: it lies in the lake's folder `_damaged`. Begin with run.py.

    run.py          the steps in their order; a dry run does the same on a shadow of the lake
    logs.py         entries of a log that are empty, cut or missing, and tables whose log is lost
    sealed_files.py rows of sealed files that no log names, or that have taken the place of a lost file
    rebuild.py      rows of `videos` and `outcomes` that follow from the other tables, and placements
    report.py       what was found, and the commands that bring the rest back
    advice.py       what `signverse verify` says about lost files in the end
"""
