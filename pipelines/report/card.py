"""What a model card says of one recipe, in the order in which it is read."""

import ast
import json
import re
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import repertoire
from pipelines.params import Recipe
from pipelines.report.words import listed, size, small, spaced, uncertain
from repertoire.config import RepertoireError
from repertoire.measured import Declared
from repertoire.runtime.task import File, Known, Task, files_of
from repertoire.runtime.tasks import TASKS

SERVER = "localhost:8000"
LIBRARY = Path(repertoire.__file__).parent
FAMILIES = LIBRARY / "families"
STUDIES = LIBRARY / "studies"


def family_name(family: str) -> str:
    """The family's name, spelled as its docstring spells it."""
    name = family.upper() if len(family) < 4 else spaced(family)
    said = re.search(rf"\b{re.escape(name)}\b", " ".join(family_text(family)), re.IGNORECASE)
    # A capital that only begins a sentence or a title is none of the name's.
    return said[0] if said and re.search(r"\w[A-Z]", said[0]) else name


def family_text(family: str) -> tuple[str, str]:
    """First line and rest of the family's docstring, read without importing the family."""
    text = _docstring(FAMILIES / family / "__init__.py", "recipes.*.family") or spaced(family)
    first, _, rest = text.partition("\n\n")
    return " ".join(first.split()), " ".join(rest.split())


def study_text(module: str) -> str:
    """The docstring of a study as one paragraph, read without importing the study."""
    text = _docstring(STUDIES / f"{module}.py", "studies.*.module") or spaced(module)
    return " ".join(text.split())


def _docstring(path: Path, key: str) -> str | None:
    try:
        return ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise RepertoireError(
            f"{path}: no such file; run from the repository root, or see {key}"
        ) from None


def settings(recipe: Recipe) -> list[tuple[str, str]]:
    """Everything that params.yaml decides for the recipe, but the gate."""
    values = {"seed": recipe.seed, "epochs": recipe.training.epochs, **recipe.config}
    return [(spaced(key), value) for key, value in _flat(values)]


def _flat(values: Mapping[str, Any], above: str = "") -> list[tuple[str, str]]:
    """Mappings within mappings as one list of names and values that can be read."""
    found = []
    for key, value in values.items():
        if isinstance(value, Mapping):
            found += _flat(value, f"{above}{key}, ") or [(f"{above}{key}", "none")]
        elif isinstance(value, list | tuple):
            found.append((f"{above}{key}", ", ".join(map(str, value)) or "none"))
        else:
            found.append((f"{above}{key}", str(value)))
    return found


def splits(facts: Mapping[str, Any]) -> str:
    """Sizes of the splits with what is counted."""
    for counted, sizes in facts.items():
        if isinstance(sizes, dict) and "train" in sizes:
            parts = [f"{count:,} {split}" for split, count in sizes.items()]
            return f"{', '.join(parts)} ({counted})"
    return "not stated"


def intended_use(tasks: list[str], dataset: str) -> str:
    """What the model is for, and what it is not for. Raises RepertoireError for unknown tasks."""
    uses = listed([_task(name).use for name in tasks])
    return (
        f"Studying and comparing model families on {spaced(dataset)}: {uses}. "
        "Not for decisions about people, nor for text or pictures of another kind."
    )


def verdict(manifest: Mapping[str, Any]) -> str:
    """How the model compares, as evaluate said it; empty where a manifest is older than that."""
    return str(manifest.get("verdict", {}).get("sentence", ""))


def parity(manifest: Mapping[str, Any]) -> str:
    """How far onnxruntime is from PyTorch, in outputs and in metrics."""
    outputs, metrics = largest_differences(manifest)
    count = sum(len(graph["parity"]["shapes"]) for graph in manifest["graphs"])
    off = max(graph["parity"]["pixels_off"] for graph in manifest["graphs"])
    pixels = f"; {100 * off:.2g} % of the pixels one grey level off" if off else ""
    return (
        f"Largest relative difference from PyTorch: {small(outputs)} in outputs, over {count} "
        f"dynamic shapes{pixels}; {small(metrics)} in validation metrics."
    )


def largest_differences(manifest: Mapping[str, Any]) -> tuple[float, float]:
    """Of any graph's output, and of any metric."""
    outputs = max(graph["parity"]["largest_difference"] for graph in manifest["graphs"])
    return outputs, max(manifest["parity"].values(), default=0.0)


def sizes(folder: Path, manifest: Mapping[str, Any]) -> str:
    """Graphs by size, and how many numbers were learned."""
    files = [f"{graph['name']} {size(graph['bytes'])}" for graph in manifest["graphs"]]
    text = f"{size(sum(g['bytes'] for g in manifest['graphs']))} in ONNX ({', '.join(files)})"
    return f"{parameters(folder):,} stored weights; {text}"


def parameters(folder: Path) -> int:
    """Learned numbers; tensors that share them are saved twice and counted once."""
    from repertoire.data.tensors import read_tensors

    tensors = read_tensors(folder / "trained/weights.safetensors").values()
    return sum({(t.shape, t.tobytes()): t.size for t in tensors}.values())


def metric_rows(
    metrics: Mapping[str, float], errors: Mapping[str, float], means: Declared
) -> list[tuple[str, str, str]]:
    """Name, value with its standard error, and unit of everything measured on the test split."""
    return [
        (metric.label, uncertain(value, errors.get(key)), metric.unit)
        for key, value in metrics.items()
        for metric in [means.shown(key)]
    ]


def digests(manifest: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Shortened sha256 of data, params, code, weights and graphs."""
    found = dict(manifest["digests"]) | {
        f"{graph['name']}.onnx": graph["sha256"] for graph in manifest["graphs"]
    }
    return [(name, digest[:12]) for name, digest in found.items()]


def requests(
    name: str, manifest: Mapping[str, Any], recipe: Recipe, figures: list[Any]
) -> list[str]:
    """A command line for each task that the server offers for the model."""
    known = Known(manifest["facts"], recipe.config, figures)
    return [_command(name, task, known) for task in manifest["tasks"]]


def _command(model: str, name: str, known: Known) -> str:
    """curl with the example of a task, whose files the shell reads."""
    task, address = _task(name), f"{SERVER}/v1/models/{model}/{name}"
    request = task.example(known)
    accept = f" -H 'Accept: {task.accept}'" if task.accept else ""
    into = f" > {task.into}" if task.into else ""
    files = files_of(request)
    if any(file.long for file in files):
        form = _json(request, lambda file: '"%s"', _in_format)
        read = " ".join(f'"{_base64(file)}"' for file in files)
        return f"printf {shlex.quote(form)} {read} | curl -s {address}{accept} -d @-{into}"
    if files:
        body = '"' + _json(request, lambda file: rf"\"{_base64(file)}\"", _in_quotes) + '"'
    else:
        body = shlex.quote(json.dumps(request, ensure_ascii=False))
    return f"curl -s {address}{accept} -d {body}{into}"


def _task(name: str) -> Task:
    if name not in TASKS:
        raise RepertoireError(
            f"task {name!r}: nobody offers it; add a module with it to repertoire/runtime/tasks, "
            f"or let TASKS of the family name some of: {', '.join(sorted(TASKS))}"
        )
    return TASKS[name]


def _base64(file: File) -> str:
    return f"$(base64 -w0 {shlex.quote(file.name)})"


def _in_format(text: str) -> str:
    return re.sub(r"[%\\]", r"\g<0>\g<0>", text)


def _in_quotes(text: str) -> str:
    return re.sub(r'["\\$`]', r"\\\g<0>", text)


def _json(value: Any, file: Callable[[File], str], text: Callable[[str], str]) -> str:
    """JSON in which ``file`` writes what stands for a file, and ``text`` any other value."""
    if isinstance(value, File):
        return file(value)
    if isinstance(value, Mapping):
        pairs = (f"{_json(k, file, text)}: {_json(v, file, text)}" for k, v in value.items())
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(_json(each, file, text) for each in value)}]"
    return text(json.dumps(value, ensure_ascii=False))
