"""`python -m pipelines.triton --into FOLDER [MODEL …]`: models as a repository for Triton.

Each graph becomes `<model>.<graph>/` with `config.pbtxt` and `1/model.onnx`, for Triton's backend
of onnxruntime. The folder appears whole or not at all, with the same bytes for the same models.
"""

import json
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from repertoire.config import RepertoireError
from repertoire.data.files import whole_folder
from repertoire.runtime.errors import BadModel
from repertoire.runtime.manifest import Graph
from repertoire.runtime.model import Model, read_model, verify
from repertoire.runtime.ports import Limits
from repertoire.runtime.shapes import named, quoted
from serving.options import Parser, whole
from serving.protocol.configuration import batched_first, configuration

FILE = "model.onnx"
_ENUMS = ("data_type", "kind")  # whose values stand without quotes


def write_repository(models: Path, into: Path, names: Sequence[str], rows: int) -> int:
    """Writes the models of a folder, those named or all. Returns the number of graphs.

    Raises RepertoireError.
    """
    if into.exists() and (not into.is_dir() or any(into.iterdir())):
        raise RepertoireError(f"{into} is there already; name another folder or remove it")
    chosen = _chosen(models, names)
    with whole_folder(into) as partly:
        for folder in chosen:
            try:
                _write(read_model(folder), partly, rows)
            except BadModel as error:
                raise RepertoireError(f"model {quoted(folder.name)}: {error}") from None
    return sum(1 for _ in into.iterdir())


def config_text(model: Model, graph: Graph, rows: int) -> str:
    """The config.pbtxt of a graph."""
    return "".join(_lines(_configuration(model, graph, rows), ""))


def _chosen(models: Path, names: Sequence[str]) -> list[Path]:
    if not models.is_dir():
        raise RepertoireError(f"there is no folder {models}; name one of models with --models")
    found = {each.parent.name: each.parent for each in sorted(models.glob("*/manifest.json"))}
    if not found:
        raise RepertoireError(f"no model in {models}; run `make repro` or name another folder")
    if unknown := [name for name in names if name not in found]:
        raise RepertoireError(
            f"there is no model {quoted(unknown[0])} in {models}; there are: {named(list(found))}"
        )
    return [found[name] for name in sorted(set(names or found))]


def _write(model: Model, into: Path, rows: int) -> None:
    if "." in model.name:
        raise BadModel("a dot parts a model's name from its graph's; rename the folder")
    for graph in model.manifest.graphs.values():
        source = verify(model.folder, graph)
        folder = into / f"{model.name}.{graph.name}"
        (folder / "1").mkdir(parents=True)
        shutil.copyfile(source, folder / "1" / FILE)
        (folder / "config.pbtxt").write_text(config_text(model, graph, rows), encoding="utf-8")


def _configuration(model: Model, graph: Graph, rows: int) -> dict[str, Any]:
    """Where Triton differs from this server: no port is optional, and none is without axes."""
    found = configuration(f"{model.name}.{graph.name}", graph, rows)
    batched = batched_first(graph)
    for port in (*found["input"], *found["output"]):
        if not port["dims"]:
            # One number a row is asked for as [rows, 1]; one number alone as [1].
            port |= {"dims": [1], **({"reshape": {"shape": []}} if batched else {})}
    found["default_model_filename"] = FILE
    if batched:
        found["dynamic_batching"] = {}
    noted = {"sha256": graph.sha256, "version": model.version}
    found["parameters"] = [
        {"key": key, "value": {"string_value": value}} for key, value in noted.items()
    ]
    return found


def _lines(message: Mapping[str, Any], indent: str) -> Iterator[str]:
    """A message in protobuf's text format; a list of messages repeats its field."""
    for field, value in message.items():
        if isinstance(value, Mapping):
            yield f"{indent}{field} {{\n"
            yield from _lines(value, f"{indent}  ")
            yield f"{indent}}}\n"
        elif isinstance(value, list) and value and isinstance(value[0], Mapping):
            for each in value:
                yield from _lines({field: each}, indent)
        else:
            plain = field in _ENUMS
            text = str(value) if plain else json.dumps(value, ensure_ascii=False)
            yield f"{indent}{field}: {text}\n"


def main(argv: Sequence[str] | None = None) -> int:
    """Returns the exit status."""
    parser = Parser("pipelines.triton", "Writes models as a repository for Triton.")
    add = partial(parser.add_argument, help="(default: %(default)s)")
    add("--models", type=Path, default=Path("artifacts"), metavar="FOLDER")
    add("--into", type=Path, required=True, metavar="FOLDER", help="what is written")
    most = "rows that Triton may join into one run (default: %(default)s)"
    add("--rows", type=whole(1, 2**20), default=Limits().batch, metavar="N", help=most)
    add("names", nargs="*", metavar="MODEL", help="without any, all models of the folder")
    options = parser.parse_args(argv)
    try:
        graphs = write_repository(options.models, options.into, options.names, options.rows)
    except (RepertoireError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"{options.into}: {graphs} graphs")
    return 0


if __name__ == "__main__":
    sys.exit(main())
