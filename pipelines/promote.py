"""Move the champion alias by hand: promote NAME VERSION [--force], or promote NAME --previous."""

from mlflow import MlflowClient
from mlflow.entities.model_registry import RegisteredModel

from pipelines.registry.connection import open_registry
from pipelines.registry.versions import PREVIOUS, all_models, all_versions, is_decided
from pipelines.registry.versions import promote as promote_version
from pipelines.stage import run_stage
from repertoire.config import RepertoireError

USAGE = (
    "usage: python -m pipelines.promote <model> <version> [--force], or <model> --previous; "
    "make promote NAME=<model> VERSION=<n>, make rollback NAME=<model>"
)


def promote(name: str = "", version: str = "", force: str = "") -> None:
    """Make a version champion; ``--previous`` swaps with the champion before.

    A version that failed its gate is refused unless ``--force`` is given.
    """
    if not name or not version or force not in ("", "--force"):
        raise RepertoireError(USAGE)
    with open_registry() as client:
        models = all_models(client)
        if name not in models:
            known = ", ".join(sorted(models))
            raise RepertoireError(f"no registered model {name!r}; there are: {known or 'none'}")
        if version == "--previous":
            version = _previous(models[name])
        else:
            _check(client, name, version, forced=bool(force))
        promote_version(client, name, version)
        print(f"{name}: version {version} is champion")


def _previous(model: RegisteredModel) -> str:
    if PREVIOUS not in model.aliases:
        raise RepertoireError(f"{model.name}: no champion before the present one to go back to")
    return str(model.aliases[PREVIOUS])


def _check(client: MlflowClient, name: str, version: str, *, forced: bool) -> None:
    known = {str(v.version): v for v in all_versions(client, f"name='{name}'")}
    if version not in known:
        raise RepertoireError(f"{name}: no version {version}; there are: {', '.join(known)}")
    if not is_decided(known[version]):
        raise RepertoireError(
            f"{name}: version {version} is still being registered; "
            f"repeat after `python -m pipelines.register {name}`"
        )
    tags = known[version].tags
    if tags.get("gate_passed") == "false" and not forced:
        raise RepertoireError(
            f"{name}: version {version} failed its gate, {tags['gate']}; "
            "add --force to make it champion all the same"
        )


if __name__ == "__main__":
    run_stage("promote", promote)
