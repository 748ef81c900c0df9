"""Make astronaut.mp4: two seconds of a public-domain portrait under a moving camera, so that extraction can be tried.

Run it with scikit-image, whose package holds the portrait:

    uv run --with scikit-image python ingest/sample/make_astronaut.py
"""

from __future__ import annotations

import importlib.util
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

WIDTH: Final = 640
HEIGHT: Final = 480
FPS: Final = 24
NUM_FRAMES: Final = 48
TARGET: Final = Path(__file__).with_name("astronaut.mp4")


def portrait() -> Path:
    """Find the portrait in the installed scikit-image, without importing it: its own loader may go to the network."""
    found = importlib.util.find_spec("skimage")
    if found is None or not found.submodule_search_locations:
        sys.exit(
            "scikit-image is not installed. Run: uv run --with scikit-image python ingest/sample/make_astronaut.py"
        )
    return Path(found.submodule_search_locations[0]) / "data" / "astronaut.png"


def frame(image: NDArray[np.uint8], number: int) -> NDArray[np.uint8]:
    """Give one frame: the portrait slowly nearer and a little from side to side, on a grey ground."""
    # Imported in functions, not at the top: a missing scikit-image is reported without waiting for them.
    import cv2
    import numpy as np

    share = number / (NUM_FRAMES - 1)
    zoom = 0.90 + 0.14 * share
    pan_x = 26 * math.sin(2 * math.pi * share)
    pan_y = 8 * math.sin(math.pi * share)
    size = image.shape[0]
    matrix = np.array(
        [
            [zoom, 0, WIDTH / 2 - zoom * size / 2 + pan_x],
            [0, zoom, HEIGHT / 2 - zoom * size / 2 + pan_y],
        ]
    )
    ground = (96, 96, 96)
    moved: Any = cv2.warpAffine(
        image, matrix, (WIDTH, HEIGHT), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_CONSTANT, borderValue=ground
    )
    return np.asarray(moved, dtype=np.uint8)


def main() -> None:
    """Write the video beside this file."""
    import av
    import numpy as np
    from PIL import Image

    image = np.asarray(Image.open(portrait()).convert("RGB"))
    # One thread and no time stamps in the header: the same bytes from the same libraries.
    with av.open(
        str(TARGET), "w", format="mp4", options={"fflags": "+bitexact", "movflags": "+faststart"}
    ) as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.options = {"crf": "20", "preset": "veryslow", "threads": "1", "flags": "+bitexact"}
        for number in range(NUM_FRAMES):
            for packet in stream.encode(av.VideoFrame.from_ndarray(frame(image, number), format="rgb24")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)


if __name__ == "__main__":
    main()
