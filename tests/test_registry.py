"""Registering into a store of one machine: what is kept, decided, repaired and refused."""

import base64
import io
import json
import os
import shutil
import subprocess

import mlflow
import numpy as np
import pytest
from mlflow import MlflowClient
from PIL import Image

from pipelines.promote import promote
from pipelines.register import register
from repertoire.config import RepertoireError
from serving.registry.champions import synchronise
from tests.evaluated import NAMES, PICTURE, SIDE, evaluate, times
from tests.registry import aliases, alive, model_folder, query, tags

pytest_plugins = ("tests.registry_fixtures",)


def pixels(text):
    """The levels of an image in base64."""
    with Image.open(io.BytesIO(base64.b64decode(text))) as image:
        return np.asarray(image)


def test_a_registered_model_holds_each_graph_once_and_runs_its_own_example(place):
    register("first")
    files = sorted(str(p.relative_to(model_folder(place))) for p in model_folder(place).rglob("*"))
    assert [f for f in files if f.endswith(".onnx")] == [
        "onnx/reconstruct.onnx",
        "onnx/triple.onnx",
    ]
    model = mlflow.pyfunc.load_model("models:/first@champion")
    assert model.input_example == [{"images": PICTURE}]
    [answer] = model.predict(model.input_example)
    np.testing.assert_array_equal(pixels(answer["image"]), 71 * np.array(PICTURE))
    assert answer["error"] == pytest.approx(np.mean(PICTURE))
    loaded = mlflow.onnx.load_model("models:/first@champion")
    assert loaded.graph.name == "reconstruct"


def test_a_run_tells_when_from_what_and_by_what_it_was_trained(place):
    times(place, "first", 1_700_000_000.0)
    register("first")
    run = MlflowClient().get_run(query(place, "select run_uuid from runs")[0][0])
    assert run.info.status == "FINISHED"
    assert (run.info.start_time, run.info.end_time) == (1_700_000_000_000, 1_700_000_020_000)
    history = MlflowClient().get_metric_history(run.info.run_id, "train_loss_nats")
    assert [(m.step, m.timestamp, m.value) for m in history] == [
        (5, 1_700_000_001_000, 1.0),
        (10, 1_700_000_002_000, 0.5),
        (15, 1_700_000_003_000, pytest.approx(1 / 3)),
    ]
    [data] = run.inputs.dataset_inputs
    assert data.dataset.name == "toys" and len(data.dataset.digest) == 36
    assert json.loads(data.dataset.source)["toys"]["origin"] == "https://example.org/t"
    told = run.data.tags
    assert told["mlflow.source.name"] == "python -m pipelines train first"
    assert told["data_sha256"].startswith(data.dataset.digest)
    assert told["training_times"] == "recorded"
    assert run.data.params["config.units"] == "11"
    logged = run.data.metrics
    assert (
        logged["test_probe_accuracy_percent"],
        logged["test_probe_accuracy_percent_standard_error"],
    ) == (71.0, 2.0)
    plots = model_folder(place).parent / "plots"
    assert {p.name for p in plots.iterdir()} == {
        "while-training.png",
        "course.svg",
        "weights.svg",
        "figures.json",
    }
    assert (plots / "course.svg").read_text("utf-8").startswith("<svg xmlns=")
    assert "var(--series-0)" in (plots / "weights.svg").read_text("utf-8")


def test_times_of_other_weights_are_not_taken(place):
    times(place, "first", 1_700_000_000.0)
    evaluate(place, "first", 73.0)
    register("first")
    run = MlflowClient().get_run(query(place, "select run_uuid from runs")[0][0])
    assert run.data.tags["training_times"] == "not recorded in this checkout"
    assert run.info.start_time > 1_700_000_020_000


def test_a_version_carries_the_model_card(place):
    register("first")
    [(card,)] = query(place, "select description from model_versions")
    assert card.startswith("# Ein Modell für first: 모형\n")
    assert "- Classes read in the code by a linear map: 71.00 ± 2.0 %" in card
    assert "## Limits" in card and "seed 7" in card and len(card) <= 5000
    assert "**Verdict.** Beside luck: hits 71.0 %.\n" in card


def renamed(place, old, new):
    """The first recipe as code evaluated it that called a metric otherwise."""
    for file in ("manifest.json", "evaluation/results.json"):
        path = place / "artifacts/first" / file
        path.write_text(path.read_text("utf-8").replace(old, new), "utf-8")


def test_metrics_that_nobody_declares_any_more_are_called_by_their_keys(place):
    renamed(place, "probe_accuracy_percent", "correct_share")
    register("first")
    [(card,)] = query(place, "select description from model_versions")
    assert "- correct_share: 71.00 ± 2.0\n" in card
    found = tags(place)
    assert found["gate_metric"] == "test_correct_share" and found["gate_value"] == "71.0"
    assert found["decided"] == "champion"


def test_what_a_card_needs_is_missed_before_a_run_is_made(place):
    renamed(place, '"licence"', '"license"')
    with pytest.raises(RepertoireError, match=r"manifest.json: no licence.*evaluate@first"):
        register("first")
    assert query(place, "select count(*) from runs") == [(0,)]


def older(place):
    """The manifest as code wrote it that noted no examples."""
    file = place / "artifacts/first/manifest.json"
    manifest = json.loads(file.read_text("utf-8"))
    del manifest["examples"]
    file.write_text(json.dumps(manifest), "utf-8")


def test_a_manifest_without_examples_is_registered_without_the_picture_that_nobody_gave(place):
    older(place)
    register("first")
    model = mlflow.pyfunc.load_model("models:/first@champion")
    assert model.input_example is None
    [answer] = model.predict([{"images": PICTURE}])
    np.testing.assert_array_equal(pixels(answer["image"]), 71 * np.array(PICTURE))


def test_examples_do_not_decide_which_content_it_is(place):
    register("first")
    older(place)
    register("first")
    assert alive(place) == [("first", 1)]


def test_a_manifest_without_the_sentence_of_its_verdict_is_named_with_the_remedy(place):
    file = place / "artifacts/first/manifest.json"
    manifest = json.loads(file.read_text("utf-8"))
    del manifest["verdict"]["sentence"]
    file.write_text(json.dumps(manifest), "utf-8")
    with pytest.raises(RepertoireError, match=r"no verdict.sentence.*evaluate@first"):
        register("first")


def test_the_commit_is_known_and_a_password_in_the_remote_is_not(place):
    for command in (
        "git init -q -b trunk",
        "git remote add origin https://me:hush@example.org/x",
        "git -c user.name=a -c user.email=b commit -q --allow-empty -m c",
    ):
        subprocess.run(command.split(), check=True)
    register("first")
    told = MlflowClient().get_run(query(place, "select run_uuid from runs")[0][0]).data.tags
    head = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
    assert told["mlflow.source.git.commit"] == head.stdout.strip() == tags(place)["git_commit"]
    assert told["mlflow.source.git.branch"] == "trunk"
    assert told["mlflow.source.git.repoURL"] == "https://***@example.org/x"


def test_content_that_is_there_is_one_line_and_no_new_version(place, capfd):
    register()
    assert capfd.readouterr().out.count("version 1 registered; champion") == 2
    register()
    said = capfd.readouterr().out
    assert "holds this content already: 2 models, 2 of them champions" in said
    assert len(said.splitlines()) == 1
    register("second")
    said = capfd.readouterr().out
    assert said == "second: version 1 holds this content already; champion is 1\n"
    assert alive(place) == [(name, 1) for name in NAMES]
    assert json.loads((place / "registrations.json").read_text()) == dict.fromkeys(NAMES, "1")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((71.0, 73.0), {"champion": 2, "previous_champion": 1, "challenger": 2}),
        ((71.0, 67.0), {"champion": 1, "challenger": 2}),
        ((71.0, 71.0 + 1e-9), {"champion": 2, "previous_champion": 1, "challenger": 2}),
        ((51.0,), {"challenger": 1}),
        ((51.0, 53.0, 52.5), {"champion": 2, "challenger": 3}),
    ],
)
def test_the_best_that_passes_its_gate_is_champion_and_the_newest_is_challenger(
    place, values, expected
):
    for value in values:
        evaluate(place, "first", value)
        register("first")
    assert aliases(place) == expected


def test_a_worse_model_of_other_data_becomes_champion(place):
    register("first")
    evaluate(place, "first", 61.0, data="data of 2027")
    register("first")
    assert aliases(place)["champion"] == 2


def test_a_version_that_failed_its_gate_is_promoted_by_force_alone(place, capfd):
    evaluate(place, "first", 51.0)
    register("first")
    assert tags(place)["gate_passed"] == "false"
    with pytest.raises(RepertoireError, match=r"first: version 1 failed its gate, .*; add --force"):
        promote("first", "1")
    assert aliases(place) == {"challenger": 1}
    promote("first", "1", "--force")
    assert aliases(place)["champion"] == 1
    evaluate(place, "first", 81.0)
    register("first")
    promote("first", "--previous")
    assert aliases(place) == {"champion": 1, "previous_champion": 2, "challenger": 2}


def lose_a_graph(folder):
    (folder / "onnx/triple.onnx").unlink()


def lose_half_a_graph(folder):
    (folder / "onnx/triple.onnx").write_bytes(b"half")


def lose_all(folder):
    shutil.rmtree(folder.parents[1])


def be_of_an_older_version(folder):
    """Whose python_function is a graph: its folder has a description of its own."""
    described = (folder / "MLmodel").read_text("utf-8").replace("serving.pyfunc", "mlflow.onnx")
    for place in ("MLmodel", "onnx/MLmodel"):
        (folder / place).write_text(described, "utf-8")


@pytest.mark.parametrize(
    "lose", [lose_a_graph, lose_half_a_graph, lose_all, be_of_an_older_version]
)
def test_artifacts_that_are_gone_come_back_at_the_same_place(place, capfd, lose):
    register()
    lose(model_folder(place))
    capfd.readouterr()
    register()
    said = capfd.readouterr().out
    assert "first: artifacts of version 1 were incomplete; uploaded again" in said
    assert "second" not in said.split("\n", 1)[0]
    assert alive(place) == [(name, 1) for name in NAMES]
    model = mlflow.pyfunc.load_model("models:/first@champion")
    [answer] = model.predict(model.input_example)
    assert pixels(answer["image"]).shape == (SIDE, SIDE)
    assert not (model_folder(place) / "onnx/MLmodel").exists()
    assert (model_folder(place).parent / "plots/course.svg").exists()
    capfd.readouterr()
    register("first")
    assert "holds this content already" in capfd.readouterr().out


def test_champions_whose_artifacts_are_gone_are_one_line(place, tmp_path):
    register("first")
    shutil.rmtree(place / "mlartifacts")
    found = synchronise(os.environ["MLFLOW_TRACKING_URI"], tmp_path / "champions")
    [line] = found["problems"].values()
    assert "python -m pipelines.register first" in line and "\n" not in line


def test_a_graph_that_is_not_the_manifests_is_refused_before_anything_is_made(place):
    (place / "artifacts/first/onnx/triple.onnx").write_bytes(b"another")
    with pytest.raises(RepertoireError, match=r"triple\.onnx: not the file that manifest\.json"):
        register("first")
    assert query(place, "select count(*) from runs") == [(0,)]
    assert not (place / "mlartifacts").exists()
