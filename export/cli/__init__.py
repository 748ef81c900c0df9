"""The commands that write and publish files: they turn options into arguments of export.release and export.publish, and
results into words.

May import everything in export, and lake. Imported at every start of the command line: heavy modules are imported in
the functions. Start with commands.py.

- commands.py: export shards, verify.
- publish.py: publish.
- forget.py: forget, verify --forgotten.
- picture.py, video.py: picture, video; sources.py: what they draw.
- explore.py: explore, the page in the browser.
- clips.py: export webdataset, parquet and pose.
- options.py: what the exports share: options, progress bar.
"""
