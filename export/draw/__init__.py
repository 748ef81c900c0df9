"""People drawn as skeletons.

May import lake. Start with skeleton.py.

- skeleton.py: points to pictures: one frame, or a contact sheet of a clip. Knows no lake.
- colours.py: the colours of limbs and fingers.
- sheet.py: a video of a lake to a contact sheet.
"""
