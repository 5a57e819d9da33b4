"""Which content is which version, and which version is champion, among several machines at once.

MLflow has no locks, but it numbers the versions of a model one by one, also for several machines
at once. The number is a ticket: a version is decided when all lower ones are. Deciding a version
deletes it if a lower one has the same content, and gives the aliases to it otherwise; the tag
`decided` comes last. If whoever made a version died before, others decide it in its place, with
the same result, because everything that decides lies in the registry.
"""

import time
from collections.abc import Iterable

from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow.entities.model_registry import ModelVersion, RegisteredModel
from mlflow.exceptions import MlflowException

from pipelines.registry.connection import ATTEMPTS, despite_others
from pipelines.registry.content import Content
from pipelines.registry.provenance import checkout
from pipelines.registry.run import (
    MODEL,
    content_tags,
    finish_run,
    remove_run,
    unfinished_runs,
)
from repertoire.metrics.gate import margin_over

CHAMPION, CHALLENGER, PREVIOUS = "champion", "challenger", "previous_champion"
DECIDED = "decided"
PATIENCE_SECONDS = 60.0  # for a version that another machine has made and not decided
POLL_SECONDS = 0.2


def all_versions(client: MlflowClient, condition: str = "") -> list[ModelVersion]:
    """Versions in the order of their numbers."""
    found: list[ModelVersion] = []
    page: str | None = None
    while page != "":
        some = client.search_model_versions(condition, max_results=1000, page_token=page)
        found += some
        page = some.token or ""
    return sorted(found, key=lambda version: int(version.version))


def all_models(client: MlflowClient) -> dict[str, RegisteredModel]:
    """Registered models by name."""
    found: dict[str, RegisteredModel] = {}
    page: str | None = None
    while page != "":
        some = client.search_registered_models(max_results=1000, page_token=page)
        found |= {model.name: model for model in some}
        page = some.token or ""
    return found


def with_content(versions: Iterable[ModelVersion], digest: str) -> ModelVersion | None:
    """The lowest version of this content, if there is one."""
    return next((v for v in versions if v.tags.get("content_sha256") == digest), None)


def is_decided(version: ModelVersion) -> bool:
    """Whether its aliases are given; versions that others made count as decided."""
    return DECIDED in version.tags or "registered_by" not in version.tags


def create_version(client: MlflowClient, content: Content, run: Run, card: str) -> ModelVersion:
    """A new version, not yet decided, of a run whose artifacts are all there."""
    name, source = content.name, f"{run.info.artifact_uri}/{MODEL}"
    tags = {
        **content_tags(content),
        "git_commit": run.data.tags.get("mlflow.source.git.commit", ""),
    }
    _ensure_model(client, content)
    return despite_others(
        lambda: client.create_model_version(
            name, source, run.info.run_id, tags, description=card, await_creation_for=0
        )
    )


def _ensure_model(client: MlflowClient, content: Content) -> None:
    try:
        client.create_registered_model(content.name, description=content.manifest["title"])
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def decide_up_to(client: MlflowClient, name: str, last: int) -> list[ModelVersion]:
    """All versions of the model, when each one up to ``last`` is decided.

    Versions of this checkout are decided here, those of others are waited for as long as a living
    process needs at most. Of several that wait, the one with the lowest number acts first.
    """
    seen: dict[str, float] = {}
    attempts = 0
    while True:
        versions = all_versions(client, f"name='{name}'")
        pending = [v for v in versions if int(v.version) <= last and not is_decided(v)]
        if not pending:
            return versions
        first = pending[0]
        since = seen.setdefault(first.version, time.monotonic())
        patience = PATIENCE_SECONDS * max(len(pending) - 1, 1)
        if first.tags["registered_by"] != checkout() and time.monotonic() - since < patience:
            time.sleep(POLL_SECONDS)
            continue
        try:
            _decide(client, first, versions)
        except MlflowException as error:
            # Another process may have deleted it first: look again.
            attempts += 1
            if error.error_code != "RESOURCE_DOES_NOT_EXIST" or attempts == ATTEMPTS:
                raise


def _decide(client: MlflowClient, version: ModelVersion, versions: list[ModelVersion]) -> None:
    """All lower versions are decided. May be repeated, and be done by several at once."""
    name, number = version.name, int(version.version)
    lower = [v for v in versions if int(v.version) < number]
    aliases = {k: int(v) for k, v in client.get_registered_model(name).aliases.items()}
    if with_content(lower, version.tags["content_sha256"]) and number not in aliases.values():
        _discard(client, version)
        return
    champion = next((v for v in versions if int(v.version) == aliases.get(CHAMPION)), None)
    why = _refusal(client, version, champion)
    if why is None:
        promote(client, name, version.version)
    newest = max([number, *(int(v.version) for v in versions if is_decided(v))])
    client.set_registered_model_alias(name, CHALLENGER, str(newest))
    rank = f"challenger, not champion: {why}" if why else "champion"
    client.set_model_version_tag(name, version.version, DECIDED, rank)
    finish_run(client, client.get_run(str(version.run_id)))


def _discard(client: MlflowClient, version: ModelVersion) -> None:
    """A second version of a content that is there: nothing of it stays."""
    run = client.get_run(str(version.run_id))
    client.delete_model_version(version.name, version.version)
    # A request that was sent twice makes two versions of one run.
    if not versions_of_run(client, run):
        remove_run(client, run)


def versions_of_run(client: MlflowClient, run: Run) -> list[ModelVersion]:
    """Versions whose artifacts are those of the run."""
    return all_versions(client, f"run_id='{run.info.run_id}'")


def clean_up(client: MlflowClient) -> None:
    """Finish or remove what processes that were killed have left; see `unfinished_runs`."""
    for run in list(unfinished_runs(client)):
        for version in versions_of_run(client, run):
            decide_up_to(client, version.name, int(version.version))
        if versions_of_run(client, run):
            finish_run(client, run)
        elif client.get_run(run.info.run_id).info.lifecycle_stage == "active":
            remove_run(client, run)


def _refusal(
    client: MlflowClient, version: ModelVersion, champion: ModelVersion | None
) -> str | None:
    """Why a version may not become champion, or None: parity is export's, the rest is here."""
    tags = version.tags
    if tags["gate_passed"] != "true" and tags.get("champion_if") != "always":
        return f"it failed its gate, {tags['gate']}"
    if champion is None or champion.version == version.version:
        return None
    held = _measured(client, champion, tags["gate_metric"])
    # Of other data or another metric, nobody can say which is better: the newer one is taken.
    if champion.tags.get("data_sha256") != tags["data_sha256"] or held is None:
        return None
    if margin_over(tags["gate_better"], float(tags["gate_value"]), held) < 0:
        return (
            f"champion version {champion.version} has {tags['gate_metric']} {held:.6g}, "
            "which is better"
        )
    return None


def _measured(client: MlflowClient, version: ModelVersion, metric: str) -> float | None:
    """A test metric of a version; it lies in the run alone where the version is an old one."""
    if version.tags.get("gate_metric") == metric:
        return float(version.tags["gate_value"])
    return client.get_run(str(version.run_id)).data.metrics.get(metric)


def promote(client: MlflowClient, name: str, version: str) -> None:
    """Make a version the champion; the one before is kept for ``rollback``."""
    present = client.get_registered_model(name).aliases.get(CHAMPION)
    if present is not None and int(present) != int(version):
        client.set_registered_model_alias(name, PREVIOUS, present)
    client.set_registered_model_alias(name, CHAMPION, version)
