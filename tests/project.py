"""A whole project in miniature: the real stages over small archives made here."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from dvc.utils.serialize import dump_yaml
from ruamel.yaml import YAML

from pipelines.params import Params
from repertoire.config import read_yaml
from repertoire.data.sources import Files
from tests import warmed
from tests.small import gathered

ROOT = Path(__file__).resolve().parents[1]
COPIED = (
    *("pipelines", "src", "serving", "pyproject.toml", "Makefile"),
    *("dvc.yaml", "dvc.lock", ".dvcignore", ".gitignore"),
)
ARCHIVES = gathered("ARCHIVES")
SMALL_DATA = gathered("DATA")
SMALL_BASELINES = gathered("BASELINES")
SMALL_RECIPES = gathered("RECIPES")
SMALL_STUDIES = gathered("STUDIES")
RUN_STUDIES = ("rtrl",)  # the one without torch; tests/test_studies.py runs them all


def whole_blocks(folder: str = "") -> dict[str, Any]:
    """A params.yaml with every block in full: sources for their names, what recipes share."""
    params = Params(read_yaml(ROOT / folder / "params.yaml"))
    parts = {"datasets": params.dataset, "recipes": params.recipe, "studies": params.study}
    blocks = {part: {n: asdict(get(n)) for n in params.names(part)} for part, get in parts.items()}
    return json.loads(json.dumps({**params.content, **blocks}, default=dict))


def full_params() -> dict[str, Any]:
    """The default params.yaml, and what of the published scale a miniature stands in for."""
    default, published = whole_blocks(), whole_blocks("pipelines/benchmarks")
    for part, small in (("datasets", SMALL_DATA), ("recipes", SMALL_RECIPES)):
        default[part] |= {name: published[part][name] for name in set(small) - set(default[part])}
    return default


def small_params(mirror: Path, recipes: tuple[str, ...]) -> dict[str, Any]:
    """The real params.yaml with small sizes, and the hashes of the archives made here."""
    params = full_params()
    params["datasets"] = {name: params["datasets"][name] for name in SMALL_DATA}
    for name, block in params["datasets"].items():
        block["config"].update(SMALL_DATA[name])
        block["baseline"].update(SMALL_BASELINES.get(name, {}))
        for source in block["sources"].values():
            content = (mirror / source["file"]).read_bytes()
            source["sha256"] = hashlib.sha256(content).hexdigest()
    params["recipes"] = {name: params["recipes"][name] for name in recipes}
    for name, block in params["recipes"].items():
        block["config"].update(SMALL_RECIPES[name])
        block["training"].update(epochs=2, checkpoint_seconds=0.05, record_steps=2)
    params["studies"] = {name: params["studies"][name] for name in RUN_STUDIES}
    for name, block in params["studies"].items():
        block["config"].update(SMALL_STUDIES[name])
    params["export"]["slice_rows"] = 53
    return {**params, "sources": {}, "families": {}}  # the blocks are whole


def with_named_sources(params: dict[str, Any]) -> dict[str, Any]:
    """The form of params.yaml: data sets name their sources."""
    sources, datasets = {}, {}
    for name, block in params["datasets"].items():
        sources |= {f"{name}_{key}": source for key, source in block["sources"].items()}
        named = {key: f"{name}_{key}" for key in block["sources"]}
        datasets[name] = {**block, "sources": named}
    return {**params, "sources": sources, "datasets": datasets}


class Checkout:
    """A project's folder, and the commands a user would type in it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.mirror = folder, folder / "mirror"

    def write_params(self, params: dict[str, Any]) -> None:
        """Replace params.yaml, in the form of DVC's writer."""
        dump_yaml(self.folder / "params.yaml", params)

    def params(self) -> dict[str, Any]:
        """The present params.yaml."""
        return YAML(typ="safe").load(self.folder / "params.yaml")

    def environment(self, **more: str) -> dict[str, str]:
        """The environment of every command: this project's code, mirror and caches."""
        return {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": f"{self.folder / 'src'}:{self.folder}",
            "REPERTOIRE_MIRROR": str(self.mirror),
            "REPERTOIRE_CACHE": str(self.folder / "cache"),
            "DVC_NO_ANALYTICS": "1",
            **more,
        }

    def run(self, *command: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment(**more),
            capture_output=True,
            text=True,
            check=False,
        )

    def python(self, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run a Python command, -m MODULE or -c CODE, in a process that has libraries already."""
        return warmed.run(self.folder, self.environment(**more), *words)

    def stage(self, name: str, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run one stage without DVC."""
        return self.python("-m", f"pipelines.{name}", *arguments, **more)

    def start(self, name: str, *arguments: str) -> subprocess.Popen[str]:
        """Start one stage and leave it running."""
        return subprocess.Popen(
            [sys.executable, "-m", f"pipelines.{name}", *arguments],
            cwd=self.folder,
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def digests(self, *folders: str) -> dict[str, str]:
        """sha256 of every file below the folders."""
        files = [p for f in folders for p in sorted((self.folder / f).rglob("*")) if p.is_file()]
        return {
            str(p.relative_to(self.folder)): hashlib.sha256(p.read_bytes()).hexdigest()
            for p in files
        }


class Project(Checkout):
    """A temporary project folder whose archives are made here."""

    def __init__(self, folder: Path, recipes: tuple[str, ...] = tuple(SMALL_RECIPES)) -> None:
        super().__init__(folder)
        self.mirror.mkdir(parents=True)
        for name, write in ARCHIVES.items():
            (self.mirror / name).parent.mkdir(parents=True, exist_ok=True)
            write(self.mirror / name)
        for name in COPIED:
            source = ROOT / name
            ignore = shutil.ignore_patterns("__pycache__")
            if source.is_dir():
                shutil.copytree(source, folder / name, ignore=ignore)
            else:
                shutil.copy(source, folder / name)
        params = small_params(self.mirror, recipes)
        self.full_datasets = params["datasets"]
        used = {block["dataset"] for block in params["recipes"].values()}
        params["datasets"] = {k: v for k, v in params["datasets"].items() if k in used}
        self.write_params(with_named_sources(params))
        shutil.copytree(
            ROOT / ".dvc", folder / ".dvc", ignore=shutil.ignore_patterns("cache", "tmp")
        )
        self.run("git", "init", "-q")

    def files(self, dataset: str) -> Files:
        """The archives made here of a data set, by the names of its sources."""
        sources = self.full_datasets[dataset]["sources"]
        return Files({name: self.mirror / source["file"] for name, source in sources.items()})
