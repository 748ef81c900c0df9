"""The FFmpeg filters that every frame goes through."""

from __future__ import annotations

from typing import TYPE_CHECKING

from signverse.lake.model.frame_ranges import FPS

if TYPE_CHECKING:
    from av.filter import Graph
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream


def filter_graph(first: VideoFrame, stream: VideoStream, width: int, rotation: list[tuple[str, str]]) -> Graph:
    """Square pixels, rotation, resampling to 24 frames a second, and conversion to BGR.

    Args:
        first: a frame as all others will be.
        width: square pixels across, before the rotation.
        rotation: filters that turn the picture upright.
    """
    from av.filter import Graph

    graph = Graph()
    graph.threads = 1
    square = [graph.add("scale", f"{width}:{first.height}")] if width != first.width else []
    nodes = [
        graph.add_buffer(
            width=first.width,
            height=first.height,
            format=first.format,
            time_base=first.time_base or stream.time_base,
        ),
        *square,
        *(graph.add(name, arguments or None) for name, arguments in rotation),
        graph.add("fps", f"fps={FPS:g}"),
        # Inside the graph the conversion is the ffmpeg program's; PyAV's own interpolates differently.
        graph.add("format", "bgr24"),
        graph.add("buffersink"),
    ]
    graph.link_nodes(*nodes).configure()
    return graph
