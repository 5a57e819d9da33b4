"""What a model card says of one recipe, in the order in which it is read."""

import ast
import json
import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import repertoire
from pipelines.params import Recipe
from pipelines.report.words import USES, listed, size, small, spaced, uncertain
from repertoire.config import RepertoireError
from repertoire.measured import Declared

SERVER = "localhost:8000"
# Tasks of pictures, and the files that an example names.
PICTURED = {
    "caption": ("picture",),
    "reconstruct": ("picture",),
    "translate_image": ("picture",),
    "blend": ("one", "other"),
}
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
    """What the model is for, and what it is not for."""
    uses = listed([USES.get(task, spaced(task)) for task in tasks])
    return (
        f"Studying and comparing model families on {spaced(dataset)}: {uses}. "
        "Not for decisions about people, nor for text or pictures of another kind."
    )


def parity(manifest: Mapping[str, Any]) -> str:
    """How far onnxruntime is from PyTorch, in outputs and in metrics."""
    outputs, metrics = largest_differences(manifest)
    count = sum(len(graph["parity"]["shapes"]) for graph in manifest["graphs"])
    off = max(graph["parity"]["pixels_off"] for graph in manifest["graphs"])
    pixels = f"; {100 * off:.2g} % of the pixels one grey level off" if off else ""
    return (
        f"Largest relative difference from PyTorch: {small(outputs)} in outputs, over {count} "
        f"settings of the axes{pixels}; {small(metrics)} in validation metrics."
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
    from safetensors.numpy import load_file

    tensors = load_file(folder / "trained/weights.safetensors").values()
    return sum({(t.shape, t.tobytes()): t.size for t in tensors}.values())


def metric_rows(
    metrics: Mapping[str, float], errors: Mapping[str, float], means: Declared
) -> list[tuple[str, str, str]]:
    """Name, value with its standard error, and unit of everything measured on the test split."""
    return [
        (metric.label, uncertain(value, errors.get(key)), metric.unit)
        for key, value in metrics.items()
        for metric in [means.metric(key)]
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
    bodies = _bodies(recipe, figures)
    if manifest["facts"].get("seasonal_lags"):  # whole seasons of values are needed
        bodies["forecast"] = {"series": manifest["facts"]["example"]}
    lines = []
    for task in manifest["tasks"]:
        if task == "stylize":  # a photograph is longer than an argument may be
            lines.append(
                'printf \'{"images": "%s"}\' "$(base64 -w0 picture.jpg)" | curl -s '
                f"{SERVER}/v1/models/{name}/{task} -H 'Accept: image/png' -d @- > painted.png"
            )
            continue
        body = shlex.quote(json.dumps(bodies.get(task, {}), ensure_ascii=False))
        if task in PICTURED:
            given = ", ".join(f'\\"$(base64 -w0 {file}.png)\\"' for file in PICTURED[task])
            more = "".join(f', \\"{name}\\": {value}' for name, value in _label(recipe).items())
            body = f'"{{\\"images\\": [{given}]{more}}}"'
        if task == "detect" and not bodies["detect"]["rows"]:
            body = '"{\\"images\\": \\"$(base64 -w0 picture.png)\\", \\"normal\\": 0}"'
        lines.append(f"curl -s {SERVER}/v1/models/{name}/{task} -d {body}")
    return lines


def _record(figures: list[Any]) -> list[dict[str, Any]]:
    """A row of somebody's table by its columns."""
    found = next((f for f in figures if f["name"] == "example-record"), None)
    return [dict(zip(found["columns"], found["cells"][0], strict=True))] if found else []


def _label(recipe: Recipe) -> dict[str, int]:
    """What a net that is told a label is told here."""
    return {"label": 3} if recipe.config.get("conditional") else {}


def _words(figures: list[Any]) -> list[str]:
    """Three words that a model of words knows: of a text of anybody those in its figures."""
    found = next((f for f in figures if f["name"] == "neighbours"), None)
    known = [row[0] for row in found["cells"]] if found else []
    if len(known) < 3 or any(f["name"] == "agreement" for f in figures):
        return ["king", "queen", "man"]
    return known[:3]


def _bodies(recipe: Recipe, figures: list[Any]) -> dict[str, dict[str, Any]]:
    """By task a request's body, from what the recipe's figures show."""
    prompt = recipe.config.get("prompt", "")
    table = next((f for f in figures if f["columns"][:1] in (["source"], ["text"])), None)
    sources = [row[0] for row in table["cells"]] if table else ["…"]
    # A source with an unknown token in it would puzzle who copies the line.
    source = next((text for text in sources if "<" not in text), sources[0])
    label, words = _label(recipe), _words(figures)
    points = {"points": recipe.config.get("draw_points")}
    fan = next((f for f in figures if f["name"] == "fan-first"), None)
    rows = next((f for f in figures if f["name"] == "example"), None)  # series side by side
    row = next((f for f in figures if f["name"] == "example-row"), None)
    cold = next((f for f in figures if f["name"] == "cold-start"), None)
    liked = [row[-1] for row in cold["cells"][:2]] if cold else []
    return {
        "score": {"text": prompt},
        "generate": {"prompt": prompt, "max_tokens": 20, "temperature": 0.7, "seed": 1},
        "complete": {"prompt": prompt, "count": 3, "tokens": 4},
        # A rival in any language.
        "rescore": {"candidates": [{"text": prompt, "score": -1.5}, prompt[::-1]]},
        "nearest": {"word": words[0]},
        "nearest_sentences": {"text": source, "count": 3},
        "rewrite": {"text": source},
        "similarity": {"a": words[0], "b": words[1]},
        "analogy": dict(zip("abc", words, strict=True)),
        "translate": {"text": source},
        "sample": {"count": 4, "seed": 0, **label},
        "interpolate": {"seeds": [0, 1], "steps": 7, **label},
        "classify": {"text": source},
        "recommend": {"history": liked, "count": 5},
        "forecast": {"series": rows["cells"] if rows else fan["lines"][0]["y"][:12] if fan else []},
        "detect": {"rows": _record(figures) or (row["cells"][0] if row else [])},
        "compose": {"frames": 64, "temperature": 0.8, "seed": 1},
        "write": {**({"text": "hello"} if label else points), "seed": 1},
    }
