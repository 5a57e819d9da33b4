"""register: what ``evaluate`` signed -> MLflow runs, model versions and their aliases."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion

from pipelines.params import recipe_names
from pipelines.registry.artifact_store import check_store
from pipelines.registry.connection import (
    checkout_lock,
    open_registry,
    registry_experiment,
    tracking_uri,
)
from pipelines.registry.content import Content, read_content, verify
from pipelines.registry.description import model_card
from pipelines.registry.run import create_run, is_whole, upload_again
from pipelines.registry.versions import (
    CHAMPION,
    DECIDED,
    all_models,
    all_versions,
    clean_up,
    create_version,
    decide_up_to,
    is_decided,
    with_content,
)
from pipelines.stage import run_stage
from repertoire.data.files import read_json, write_json
from serving.registry.uris import masked

REGISTRATIONS = Path("registrations.json")
LISTINGS_AT_ONCE = 8  # requests to a store that is far away


def register(*names: str) -> None:
    """Register what ``evaluate`` signed, of these recipes or of all.

    One process for all, because starting MLflow takes longer than registering a model. Content
    that is there already gets no new version, so a run that failed half-way is simply repeated.
    """
    contents = [read_content(name) for name in names or recipe_names()]
    with checkout_lock():
        with open_registry() as client:
            check_store(tracking_uri(), registry_experiment(client).artifact_location)
            clean_up(client)
            versions = _register(client, contents)
        known = read_json(REGISTRATIONS) if names and REGISTRATIONS.exists() else {}
        write_json(REGISTRATIONS, known | versions)


def _register(client: MlflowClient, contents: list[Content]) -> dict[str, str]:
    """The version of each content, by name."""
    there: dict[str, list[ModelVersion]] = {}
    for version in all_versions(client):
        there.setdefault(version.name, []).append(version)
    found = {c.name: with_content(there.get(c.name, []), c.digest) for c in contents}
    known = {name: v for name, v in found.items() if v is not None and is_decided(v)}
    repaired = _repair(client, [c for c in contents if c.name in known], known)
    new = {c.name: _add(client, c, found[c.name]) for c in contents if c.name not in known}
    _summarise(client, {name: known[name] for name in known if name not in repaired})
    return {c.name: str((known | new)[c.name].version) for c in contents}


def _repair(
    client: MlflowClient, contents: list[Content], versions: dict[str, ModelVersion]
) -> set[str]:
    """Upload the artifacts of registered versions again where some are gone; their names."""
    numbers = {c.name: str(versions[c.name].version) for c in contents}

    def place(content: Content) -> str:
        return client.get_model_version_download_uri(content.name, numbers[content.name])

    with ThreadPoolExecutor(LISTINGS_AT_ONCE) as pool:
        whole = list(pool.map(lambda content: is_whole(content, place(content)), contents))
    damaged = [content for content, good in zip(contents, whole, strict=True) if not good]
    for content in damaged:
        verify(content)
        upload_again(content, place(content))
        number = numbers[content.name]
        print(f"{content.name}: artifacts of version {number} were incomplete; uploaded again")
    return {content.name for content in damaged}


def _add(client: MlflowClient, content: Content, version: ModelVersion | None) -> ModelVersion:
    """The decided version of new content, or of content whose ``version`` nobody has decided."""
    if version is None:
        verify(content)
        card = model_card(content)  # whatever the content lacks is said before anything is made
        version = create_version(client, content, create_run(client, content), card)
    versions = decide_up_to(client, content.name, int(version.version))
    # The lowest: where several machines registered the same at once, the others are gone.
    version = with_content(versions, content.digest)
    assert version is not None  # the lowest is never deleted
    rank = version.tags[DECIDED]
    print(f"{content.name}: version {version.version} registered; {rank}", flush=True)
    return version


def _summarise(client: MlflowClient, versions: dict[str, ModelVersion]) -> None:
    """One line about content that was there already."""
    if not versions:
        return
    models = all_models(client)
    champions = {name: models[name].aliases.get(CHAMPION, "none") for name in versions}
    if len(versions) == 1:
        [(name, version)] = versions.items()
        print(
            f"{name}: version {version.version} holds this content already; champion is "
            f"{champions[name]}"
        )
        return
    serving = sum(str(champions[name]) == str(v.version) for name, v in versions.items())
    print(
        f"{masked(tracking_uri())} holds this content already: {len(versions)} "
        f"models, {serving} of them champions"
    )


if __name__ == "__main__":
    run_stage("register", register)
