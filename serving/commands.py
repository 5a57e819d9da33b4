"""The programs `repertoire-serve` and `repertoire-batch`; a package that is absent is one line."""

import importlib
import sys


def serve() -> int:
    return _run("serving.app")


def batch() -> int:
    return _run("serving.batch.command")


def _run(module: str) -> int:
    """Returns the exit status."""
    try:
        main = importlib.import_module(module).main
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] in ("repertoire", "serving"):
            raise
        remedy = "pip install 'repertoire[serve]'"
        print(f"error: the package {error.name} is not installed; {remedy}", file=sys.stderr)
        return 1
    status: int = main()
    return status
