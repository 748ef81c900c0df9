"""Who is who in a video: multi-object tracking of the people whose keypoints were found.

Knows: the skeleton (`lake.model`), numpy, and nothing else of `ingest`. Start with `identities.py`.

- `identities.py`: the rule by which people are numbered and person 0, the primary signer, is chosen;
  others call `number_people`, tests and `bench/` also `assign_people`, its form for single frames.
- `detections.py`: what tracking keeps of each person in each frame.
- `tracker.py`: detections linked from frame to frame to tracks; occlusion, motion, cut detection.
- `reid.py`: re-identification, tracks joined to people across cuts and absences.
- `stillness.py`: who does not move, such as a still picture, and so does not sign.
- `assignment.py`: maximum-weight assignment (the Hungarian algorithm), which the last two use.
"""
