"""People drawn as skeletons: pictures and videos.

May import lake. Start with skeleton.py for pictures, with film.py for videos.

- skeleton.py: points to pictures: one frame, or a contact sheet of a clip. Knows no lake.
- colours.py: the colours of limbs and fingers.
- styles/: looks for many pictures, in OpenCV: those that models were trained with, and our own.
- scene.py: what is drawn: a range of frames with its people and captions.
- sheet.py: a video of a lake to a contact sheet.
- film.py: a scene to pictures, one a frame.
- footage.py: the video file to draw on, by ingestion's count of frames.
- captions.py: texts in a picture, in any script.
- encoders.py: pictures to mp4, gif, webp or a folder of PNG files.
- defaults.py: names that `--help` shows.
"""
