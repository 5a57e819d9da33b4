"""Move the champion alias by hand: promote NAME VERSION, or promote NAME --previous."""

from mlflow.exceptions import MlflowException

from pipelines.registry import PREVIOUS, open_registry
from pipelines.registry import promote as promote_version
from pipelines.stage import run_stage
from repertoire.config import RepertoireError


def promote(name: str = "", version: str = "") -> None:
    """Make a version champion; ``--previous`` swaps with the champion before."""
    if not name or not version:
        raise RepertoireError("usage: make promote NAME=<model> VERSION=<n>, or rollback NAME=…")
    with open_registry() as client:
        models = client.search_registered_models(f"name='{name}'")
        if not models:
            known = ", ".join(sorted(m.name for m in client.search_registered_models()))
            raise RepertoireError(f"no registered model {name!r}; there are: {known or 'none'}")
        if version == "--previous":
            if PREVIOUS not in models[0].aliases:
                raise RepertoireError(f"{name}: no champion before the present one to go back to")
            version = models[0].aliases[PREVIOUS]
        try:
            client.get_model_version(name, version)
        except MlflowException:
            numbers = [v.version for v in client.search_model_versions(f"name='{name}'")]
            raise RepertoireError(
                f"{name}: no version {version}; there are: {', '.join(map(str, sorted(numbers)))}"
            ) from None
        promote_version(client, name, str(version))
        print(f"{name}: version {version} is champion")


if __name__ == "__main__":
    run_stage("promote", promote)
