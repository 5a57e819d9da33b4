"""Manifests against the schemas of KServe's package and of Kubernetes' client, strictly.

`python kserve_schemas.py FILE …`, run with an interpreter that has both, prints a line of JSON: for
each file a list of what its documents have that the schemas do not allow.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from kserve import models as of_kserve
from kubernetes.client import models as of_kubernetes

KINDS = {
    ("serving.kserve.io/v1alpha1", "ServingRuntime"): "V1alpha1ServingRuntime",
    ("serving.kserve.io/v1beta1", "InferenceService"): "V1beta1InferenceService",
}
PLAIN = {"str": str, "int": int, "bool": bool, "float": float, "object": object}
QUANTITY = re.compile(r"[0-9]+(\.[0-9]+)?(m|[kMGTPE]i?)?")


def problems(document: dict[str, Any]) -> list[str]:
    wanted = KINDS.get((document.get("apiVersion"), document.get("kind")))
    if wanted is None:
        return [f"no schema of {document.get('apiVersion')} {document.get('kind')}"]
    return list(found(document, wanted, document["kind"]))


def found(value: Any, kind: str, place: str) -> Iterator[str]:
    """What is wrong with a value of a type as the generated clients write types."""
    if value is None:
        yield f"{place}: is null"
    elif inner := re.fullmatch(r"[Ll]ist\[(.*)\]", kind):
        if not isinstance(value, list):
            yield f"{place}: is no list"
            return
        for number, each in enumerate(value):
            yield from found(each, inner[1], f"{place}[{number}]")
    elif inner := re.fullmatch(r"[Dd]ict[([]str, (.*)[)\]]", kind):
        if not isinstance(value, dict):
            yield f"{place}: is no mapping"
            return
        for key, each in value.items():
            yield from found(each, inner[1], f"{place}.{key}")
            if place.endswith(("limits", "requests")) and not QUANTITY.fullmatch(str(each)):
                yield f"{place}.{key}: {each!r} is no quantity"
    elif kind in PLAIN:
        plain = PLAIN[kind]
        if not isinstance(value, plain) or (plain is int and isinstance(value, bool)):
            yield f"{place}: {value!r} is no {kind}"
    else:
        yield from _of_class(value, kind, place)


def _of_class(value: Any, kind: str, place: str) -> Iterator[str]:
    schema = getattr(of_kserve, kind, None) or getattr(of_kubernetes, kind)
    if not isinstance(value, dict):
        yield f"{place}: is no mapping"
        return
    names = {spelled: name for name, spelled in schema.attribute_map.items()}
    for key in value.keys() - names.keys():
        yield f"{place}.{key}: is not known to {kind}"
    known = {names[key]: each for key, each in value.items() if key in names}
    for name in _required(schema) - known.keys():
        yield f"{place}.{schema.attribute_map[name]}: is missing, which {kind} requires"
    for name, each in known.items():
        yield from found(each, schema.openapi_types[name], f"{place}.{schema.attribute_map[name]}")


def _required(schema: Any) -> set[str]:
    """Of a class of Kubernetes by its fields; those of KServe refuse to be made without."""
    if hasattr(schema, "model_fields"):
        return {name for name, field in schema.model_fields.items() if field.is_required()}
    given: dict[str, Any] = {}
    while True:
        try:
            schema(**given)
        except ValueError as error:
            [name] = re.findall(r"Invalid value for `(\w+)`, must not be `None`", str(error))
            given[name] = {}
        else:
            return set(given)


def main(files: list[str]) -> None:
    told = {}
    for file in files:
        documents = yaml.safe_load_all(Path(file).read_text(encoding="utf-8"))
        told[Path(file).name] = [line for each in documents for line in problems(each)]
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main(sys.argv[1:])
