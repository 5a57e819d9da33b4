"""A folder of somebody's own recipes: a DVC project with params.yaml, dvc.yaml and raw files."""

import io
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from pipelines.code import ROOT
from pipelines.params import PARAMS, Params
from repertoire.config import ConfigError, RepertoireError, read_yaml

TEMPLATES = Path(__file__).parent / "templates"
HEAD = """\
# Your data sets and recipes, each as `python -m pipelines.add` proposed it: read and change them.
# Shared by all recipes: export, gate, training; docs/own-data.md says what the keys mean.
"""


class Project:
    """The folder, opened or to be made; ``params`` are the blocks that are there already."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / PARAMS.name
        self.exists = self.path.exists()
        if not self.exists and folder.exists() and any(folder.iterdir()):
            raise RepertoireError(
                f"{folder}: holds files but no {PARAMS.name}; name another folder with --project"
            )
        self.params = read_yaml(self.path) if self.exists else _first_blocks()

    def refuse_known(self, name: str) -> None:
        """Raises ConfigError where a recipe or a data set is called so, here or where it ships."""
        for params, source in (
            (self.params, str(self.path)),
            (read_yaml(ROOT / PARAMS), "shipped"),
        ):
            for part in ("recipes", "datasets"):
                if name in params.get(part, {}):
                    raise ConfigError(
                        f"{name}: one of the {part} of {source} is called so; choose another name"
                    )
        if (self.folder / "raw" / name).exists():
            raise ConfigError(
                f"{self.folder / 'raw' / name}: is there already; choose another name"
            )

    def add(self, name: str, staged: Path, dataset: dict[str, Any], recipe: dict[str, Any]) -> None:
        """Take the raw files under DVC, and write both blocks; params.yaml changes last."""
        from dvc.exceptions import DvcException
        from dvc.repo import Repo

        Params({**self.params, "datasets": {name: dataset}, "recipes": {name: recipe}}).recipe(name)
        raw = self.folder / "raw" / name
        try:
            if not self.exists:
                self._make()
            shutil.copytree(staged, raw)
            with Repo(str(self.folder)) as repo:
                repo.add([str(raw)])
            self._write(name, dataset, recipe)
        except BaseException as error:
            self._undo(raw)
            if isinstance(error, DvcException):
                raise RepertoireError(f"{self.folder}: {error}") from None
            raise

    def _undo(self, raw: Path) -> None:
        """Nothing stays of what could not be added whole."""
        if not self.exists:
            shutil.rmtree(self.folder, ignore_errors=True)
            return
        shutil.rmtree(raw, ignore_errors=True)
        raw.with_name(f"{raw.name}.dvc").unlink(missing_ok=True)

    def _make(self) -> None:
        """A DVC project of its own, within the git repository around it if there is one."""
        from dvc.repo import Repo

        self.folder.mkdir(parents=True, exist_ok=True)
        place = self.folder.resolve()
        tracked = any((above / ".git").exists() for above in (place, *place.parents))
        below = tracked and not (place / ".git").exists()
        with (
            Repo.init(str(place), no_scm=not tracked, subdir=below) as repo,
            repo.config.edit() as settings,
        ):
            settings["core"] |= {"analytics": False, "check_update": False}
        shutil.copyfile(TEMPLATES / "stages.yaml", self.folder / "dvc.yaml")
        shutil.copyfile(TEMPLATES / "gitignore", self.folder / ".gitignore")
        text = io.StringIO()
        YAML().dump(self.params, text)
        self.path.write_text(HEAD + text.getvalue(), encoding="utf-8")

    def _write(self, name: str, dataset: Mapping[str, Any], recipe: Mapping[str, Any]) -> None:
        from dvc.utils.serialize import modify_yaml

        with modify_yaml(str(self.folder / "dvc.yaml")) as stages:
            stages["artifacts"][name] = {"path": f"artifacts/{name}", "type": "model"}
        with modify_yaml(str(self.path)) as params:
            params["datasets"][name] = dataset
            params["recipes"][name] = recipe


def _first_blocks() -> dict[str, Any]:
    shipped = read_yaml(ROOT / PARAMS)
    shared = {part: shipped[part] for part in ("export", "gate", "training")}
    return {"sources": {}, "datasets": {}, **shared, "families": {}, "recipes": {}, "studies": {}}
