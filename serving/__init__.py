"""Serves the models of a folder with onnxruntime: numpy in, numpy out, and a thin layer of HTTP."""

import os

# onnxruntime reads this once, when it is first imported, and reports usage unless it is set.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
