"""How people are drawn in many pictures: looks that models of pictures and video were trained with, and our own.

Knows the tables of `draw`. Start with registry.py.

- registry.py: the styles by their names.
- reference.py: what openpose, dwpose and controlnext draw, as a table, and one function that draws it.
- readable.py: the style `lake`, which is made for people's eyes.
- layers.py: a drawing laid over a picture, where it may be seen through.
"""
