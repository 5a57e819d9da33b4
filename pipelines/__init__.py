"""One thin entry point a stage: arguments -> params -> library call -> files."""

import os
import sys
from pathlib import Path

# The library beside this package, wherever another one is installed: DVC runs a queued experiment
# in a copy of the checkout, and its code is that of the copy.
_library = Path(__file__).resolve().parents[1] / "src"
if _library.is_dir() and sys.path[0] != str(_library):
    sys.path.insert(0, str(_library))
# Before the first import of any of them. Nothing phones home.
for _name, _value in {
    "DO_NOT_TRACK": "true",
    "DVC_NO_ANALYTICS": "1",
    "GX_ANALYTICS_ENABLED": "false",
    "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "ORT_DISABLE_TELEMETRY": "1",
}.items():
    os.environ[_name] = _value
# One thread where params.yaml names no number: sums depend on how many share them, and threads that
# share small products wait for each other longer than they work.
for _name in ("MKL_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[_name] = "1"
