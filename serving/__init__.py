"""The runtime over HTTP, and over files of rows."""

import os

# onnxruntime reads this once, when it is first imported, and reports usage unless it is set.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
