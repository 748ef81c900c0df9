"""The two ONNX models of extraction, a person detector and a pose model: where they come from and where they run.

Knows: `lake.model` (errors), numpy, OpenCV and ONNX Runtime; nothing of videos or lakes. Heavy libraries are imported
inside functions, so that the command line starts quickly. Start with `pair.py` and `load.py`.

- `pins.py`: the production models by sha256, and the folder where models are kept; `pull.py` downloads them.
- `pair.py`: a detector and a pose model chosen from a folder; `contract.py`: the shapes that a model must have.
- `load.py`: both models onto a device, ready for use.
- `detector.py`: YOLOX, pre- and postprocessing; `pose.py`: RTMPose with SimCC heads, the same.
- `devices.py`: device names and NVIDIA cards; `runtime.py`: ONNX Runtime sessions on the requested device;
  `import_runtime.py`: its import, without telemetry.
- For GPUs: `onnx_graphs.py` moves pre- and postprocessing into the graphs, `io_binding.py` keeps buffers on the card,
  `tensorrt.py` caches engines.
"""
