"""The only place that imports ONNX Runtime: its telemetry is off before it is loaded."""

from __future__ import annotations

import os
from typing import Any, Final

TELEMETRY_OFF: Final = "ORT_DISABLE_TELEMETRY"
"""The variable that switches it off.

Since 1.31, ONNX Runtime's import writes ids to $TMPDIR/.ses and ~/.cache/Microsoft/DeveloperTools, and within a minute
it asks for mobile.events.data.microsoft.com. `disable_telemetry_events`, which can be called only after the import,
stops neither.
"""


def import_onnxruntime() -> Any:
    """ONNX Runtime's module. Imported in a function, not at the top: it would slow the start of the command line."""
    os.environ[TELEMETRY_OFF] = "1"
    import onnxruntime

    # Builds for Windows have another telemetry, which this is for.
    onnxruntime.disable_telemetry_events()
    return onnxruntime
