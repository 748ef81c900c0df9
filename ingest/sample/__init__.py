"""What the package carries to try itself on: synthetic signers and a public-domain portrait.

It may import everything of ingest but the command line; quickstart, tests and benchmarks use it. Start with videos.py.

    videos.py          the six synthetic videos, as a table
    signer.py          make_signer: keypoints of one synthetic person
    motion.py          a script of signs, and the path of the hands between key positions
    handshapes.py      handshapes, places and directions of hands, as tables
    body.py, face.py   arms, hands and trunk; head and mouth
    scores.py          the confidence that a pose model would give
    make_lake.py       puts the six videos into a lake; `just sample` makes synthetic.tar from it
    synthetic.tar      the six videos as a released shard, which `signverse quickstart` imports
    make_astronaut.py  makes astronaut.mp4, two seconds of a portrait; see README.md
"""
