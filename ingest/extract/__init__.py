"""From a video file to the keypoints of the people in it.

Knows: `ingest.models` (detector and pose model), `ingest.tracking` (who is who), `lake.media` (a video file to frames),
`lake.model` (the skeleton) and the spill files of `lake.storage`; nothing of lakes, captions or command lines. Start
with `extractor.py`.

- `extractor.py`: `Extractor`, the models loaded once for many videos; memory limits and batching.
- `probe.py`: what would be read from a video file, for `signverse inspect`.
- `windows.py`: detection on every Nth frame, box propagation between, requests of many windows in one batch.
- `box_propagation.py`: boxes moved along with people, and when to detect again; cut detection by thumbnails.
- `pipeline.py`: a thread pool with ordered results.
- `frame_buffer.py`: what was found, in memory or on disk.
- `openpose.py`: COCO-WholeBody's 133 points to the 128 of a lake.
- `defaults.py`: the defaults that `--help` shows.
"""
