"""What goes to the hub, and what describes it there.

May import export.release, export.formats, export.draw and lake. Start with publisher.py, which says what is done in
which order.

- publisher.py: what is sent, removed and kept; the batches; resumption; the tag.
- content.py: the files that an export consists of, as they will lie in the repository.
- lake_content.py: the files of a lake's newest version.
- secrets.py: names and texts that look like secrets, which are refused.
- licences.py: which licence applies; none is assumed.
- plan.py: what differs between here and there, in batches.
- client/: the hub's client: requests, errors, the token.
- card.py: README.md and croissant.json of an export or a lake. export_card.py: those beside an export on disk.
- croissant.py: croissant.json. dataset_card/: the parts of README.md.
"""
