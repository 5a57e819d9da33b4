"""`python -m serving.registry --uri sqlite:///mlflow.db --into FOLDER`: champions to a folder.

Prints one line of JSON: the champions, what was renewed and removed, and the problems of those
that cannot be served. A process of its own, so that mlflow never lives in the server.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from repertoire.runtime.errors import InferenceError
from serving.options import Parser, filled, number
from serving.registry.champion_folder import ChampionFolder
from serving.registry.champions import synchronise
from serving.registry.uris import masked
from serving.registry.watch import watch


def main(argv: Sequence[str] | None = None) -> int:
    """Returns the exit status: 1 with a line on stderr if nothing can be served."""
    parser = Parser("serving.registry", "Copies the champions of a registry into a folder.")
    uri = "MLflow tracking URI, sqlite:///mlflow.db"
    parser.add_argument("--uri", type=filled, required=True, help=uri)
    parser.add_argument("--into", type=Path, required=True, metavar="FOLDER")
    orders = "look again every SECONDS and for each line on stdin, for a server (0: once)"
    parser.add_argument("--watch", type=number(0, 86400), metavar="SECONDS", help=orders)
    options = parser.parse_args(argv)
    if options.watch is not None:
        watch(options.uri, options.into, options.watch)
        return 0
    try:
        summary = synchronise(options.uri, options.into)
    except InferenceError as error:
        print(f"error: {masked(str(error))}", file=sys.stderr)
        return 1
    served = bool(ChampionFolder(options.into).links())
    for name, line in summary["problems"].items():
        print(f"{'warning' if served else 'error'}: {name}: {masked(line)}", file=sys.stderr)
    if served:
        print(json.dumps({**summary, "problems": _masked(summary["problems"])}))
    return 0 if served else 1


def _masked(problems: dict[str, str]) -> dict[str, str]:
    return {name: masked(line) for name, line in problems.items()}
