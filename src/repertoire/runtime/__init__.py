"""What ships: a model folder used by numpy and onnxruntime, without the library around it."""

import os

# onnxruntime reads this once, when it is first imported, and reports usage unless it is set.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
