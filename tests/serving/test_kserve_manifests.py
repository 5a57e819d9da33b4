"""The manifests for KServe: what its schemas allow, and what the server takes."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import standins
from ruamel.yaml import YAML
from starlette.testclient import TestClient

from serving.app import _arguments, create_app
from serving.queue.plane import Plane
from serving.repository import Repository
from serving.service import Service

HERE = Path(__file__).parent
FOLDER = HERE.parents[1] / "deploy/kserve"
RUNTIME, SERVICE = FOLDER / "serving-runtime.yaml", FOLDER / "inference-service.yaml"


FAULTS = (  # (manifest, what is replaced, by what, what is said of it)
    (RUNTIME, "protocolVersions:", "protocols:", "spec.protocols: is not known to"),
    (RUNTIME, "containerPort: 8080", "containerPort: '80'", "containerPort: '80' is no int"),
    (RUNTIME, "      image: ", "      picture: ", "[0].picture: is not known to V1Container"),
    (RUNTIME, "runAsNonRoot: true", "runAsNonRoot: 'yes'", "runAsNonRoot: 'yes' is no bool"),
    (RUNTIME, "memory: 2Gi", "memory: 2 GB", "limits.memory: '2 GB' is no quantity"),
    (RUNTIME, "name: kserve-container", "args: []", "name: is missing, which V1Container requires"),
    (RUNTIME, "  containers:", "  # ", "containers: is missing, which V1alpha1ServingRuntimeSpec"),
    (RUNTIME, "readOnlyRootFilesystem", "readOnlyRoot", "readOnlyRoot: is not known to"),
    (RUNTIME, "- ALL", "- 7", "drop[0]: 7 is no str"),
    (SERVICE, "storageUri", "storageURI", "model.storageURI: is not known to"),
    (SERVICE, "v1beta1", "v1", "no schema of serving.kserve.io/v1 InferenceService"),
    (SERVICE, "minReplicas: 1", "minReplicas: one", "minReplicas: 'one' is no int"),
    (SERVICE, "minReplicas: 1", "minReplicas:", "minReplicas: is null"),
)


def told(python: Path, *files: Path) -> dict[str, list[str]]:
    """What is wrong with each file, by the schemas."""
    done = subprocess.run(
        [str(python), str(HERE / "kserve_schemas.py"), *map(str, files)],
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=120,
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, list[str]] = json.loads(done.stdout.splitlines()[-1])
    return found


def read(file: Path) -> Any:
    return YAML(typ="safe").load(file.read_text(encoding="utf-8"))


def test_both_manifests_are_what_the_schemas_allow(python: Path) -> None:
    assert told(python, RUNTIME, SERVICE) == {RUNTIME.name: [], SERVICE.name: []}


def test_what_the_schemas_do_not_allow_is_found(python: Path, tmp_path: Path) -> None:
    files = {}
    for number, (file, old, new, line) in enumerate(FAULTS):
        text = file.read_text(encoding="utf-8")
        assert old in text
        changed = tmp_path / f"{number}.yaml"
        changed.write_text(text.replace(old, new, 1), encoding="utf-8")
        files[changed] = line
    found = told(python, *files)
    for file, line in files.items():
        assert any(line in each for each in found[file.name]), (line, found[file.name])


def test_the_service_names_a_runtime_and_a_format_that_there_are() -> None:
    runtime, model = read(RUNTIME), read(SERVICE)["spec"]["predictor"]["model"]
    assert model["runtime"] == runtime["metadata"]["name"]
    formats = [(each["name"], each["version"]) for each in runtime["spec"]["supportedModelFormats"]]
    assert (model["modelFormat"]["name"], model["modelFormat"]["version"]) in formats
    assert model["protocolVersion"] in runtime["spec"]["protocolVersions"]


def test_the_container_starts_the_server_where_probes_metrics_and_limits_look(
    tmp_path: Path,
) -> None:
    runtime, service = read(RUNTIME), read(SERVICE)
    [container] = runtime["spec"]["containers"]
    name = service["metadata"]["name"]
    options = _arguments([each.replace("{{.Name}}", name) for each in container["args"]])
    [port] = [each["containerPort"] for each in container["ports"]]
    assert options.port == port and options.models == Path("/mnt/models")
    assert options.threads == int(container["resources"]["limits"]["cpu"])
    grace = service["spec"]["predictor"]["terminationGracePeriodSeconds"]
    assert grace > options.deadline
    noted = runtime["spec"]["annotations"]
    assert int(noted["prometheus.kserve.io/port"]) == port
    probes = [container[f"{kind}Probe"]["httpGet"] for kind in ("readiness", "liveness", "startup")]
    assert {probe["port"] for probe in probes} == {port}

    standins.doubling(tmp_path / "models")
    repository = Repository(tmp_path / "models", name=options.name)
    repository.refresh()
    plane = Plane(repository)
    asked = [probe["path"] for probe in probes] + [noted["prometheus.kserve.io/path"]]
    with TestClient(create_app(Service(repository, plane), poll_seconds=3600)) as client:
        for path in [*asked, f"/v2/models/{name}/ready"]:
            assert client.get(path).status_code == 200, path
    plane.close()


def test_the_container_has_no_more_than_it_needs() -> None:
    [container] = read(RUNTIME)["spec"]["containers"]
    allowed = container["securityContext"]
    assert allowed["runAsNonRoot"] and allowed["readOnlyRootFilesystem"]
    assert not allowed["privileged"] and not allowed["allowPrivilegeEscalation"]
    assert allowed["capabilities"] == {"drop": ["ALL"]}
    assert allowed["seccompProfile"] == {"type": "RuntimeDefault"}
    user = f"USER {allowed['runAsUser']}:{allowed['runAsGroup']}"
    assert user in (FOLDER.parents[1] / "Containerfile").read_text(encoding="utf-8").splitlines()
    [mount] = container["volumeMounts"]
    [volume] = read(RUNTIME)["spec"]["volumes"]
    assert mount["name"] == volume["name"] and mount["mountPath"] == "/tmp" and volume["emptyDir"]
