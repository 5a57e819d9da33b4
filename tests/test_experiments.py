"""DVC's everyday commands over a finished project: experiments, metrics, plots, push and pull."""

import json
import shutil
import time

import pytest

from tests.project import Project

RECIPES = ("dates", "gan_digits", "lstm")
METRICS = {"value", "standard_error", "baseline", "passed"}
LIMIT_SECONDS = 240
PYTHON = ("dvc", "pipelines.warm")  # commands that need no new Python


def done(project, *command, **more):
    words = ("-m", *command) if command[0] in PYTHON else None
    result = project.python(*words, **more) if words else project.run(*command, **more)
    assert result.returncode == 0, f"{command}: {result.stdout[-2000:]} {result.stderr[-2000:]}"
    return result.stdout


def commit(project, message):
    done(project, "git", "add", "-A")
    done(project, "git", "-c", "user.name=n", "-c", "user.email=e", "commit", "-qm", message)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A project in miniature, reproduced, committed and pushed to a folder."""
    project = Project(tmp_path_factory.mktemp("experiments") / "p", RECIPES)
    with (project.folder / ".gitignore").open("a", encoding="utf-8") as file:
        file.write("/mirror/\n/cache/\n")
    commit(project, "before")
    done(project, "pipelines.warm", "dvc", "repro")
    done(project, "dvc", "remote", "add", "--default", "store", str(project.folder / "../store"))
    commit(project, "built")
    done(project, "dvc", "push")
    return project


def test_git_holds_the_lock_and_few_metrics_that_are_the_same_for_all(built):
    tracked = done(built, "git", "ls-files").splitlines()
    metrics = [f"artifacts/{name}/metrics.json" for name in RECIPES]
    assert [path for path in tracked if path.startswith("artifacts")] == metrics
    assert "dvc.lock" in tracked
    for path in metrics:
        assert set(json.loads((built.folder / path).read_text())) == METRICS
    assert done(built, "git", "status", "--porcelain") == ""


def test_a_fresh_clone_that_pulls_has_nothing_to_run(built):
    folder = built.folder.parent / "clone"
    done(built, "git", "clone", "-q", str(built.folder), str(folder))
    paths = {"PYTHONPATH": f"{folder / 'src'}:{folder}"}
    done(built, "dvc", "--cd", str(folder), "pull", **paths)
    out = done(built, "dvc", "--cd", str(folder), "repro", **paths)
    assert "Running stage" not in out and "up to date" in out
    assert done(built, "dvc", "--cd", str(folder), "status", **paths).count("\n") == 1
    for name in RECIPES:
        ours, theirs = (f / "artifacts" / name / "manifest.json" for f in (built.folder, folder))
        assert ours.read_bytes() == theirs.read_bytes()


def test_learning_curves_are_plots_with_named_axes(built):
    out = done(built, "dvc", "plots", "show", "--json", "-o", str(built.folder.parent / "plots"))
    plots = json.loads(out)["data"]
    names = {name for name in plots if name.startswith("artifacts/lstm/curves")}
    assert names == {
        "artifacts/lstm/curves/training_loss_nats.csv",
        "artifacts/lstm/curves/validation_perplexity.csv",
    }
    for name in names:
        rows = [line.split(",") for line in (built.folder / name).read_text().splitlines()]
        assert rows[0] == ["step", "value"] and len(rows) > 2
        assert [int(step) for step, _ in rows[1:]] == sorted({int(step) for step, _ in rows[1:]})


def test_a_model_is_got_by_its_name(built):
    """A version of an artifact is an annotated tag of git."""
    target = built.folder.parent / "got"
    author = ("-c", "user.name=n", "-c", "user.email=e")
    done(built, "git", *author, "tag", "--annotate", "lstm@v1.0.0", "--message", "first")
    done(built, "dvc", "artifacts", "get", str(built.folder), "lstm", "-o", str(target))
    manifest = json.loads((target / "manifest.json").read_text(encoding="utf-8"))
    assert all((target / graph["file"]).exists() for graph in manifest["graphs"])


def test_experiments_of_a_queue_leave_all_else_as_it_was(built):
    lock = (built.folder / "dvc.lock").read_text()
    before = built.digests("artifacts", "data", "baselines", "studies")
    change = "recipes.lstm.training.epochs=3"
    done(built, "dvc", "exp", "run", "--queue", "--name", "longer", "-S", change, "evaluate@lstm")
    assert built.run("dvc", "queue", "start").returncode == 0
    deadline = time.monotonic() + LIMIT_SECONDS
    while "Success" not in (state := done(built, "dvc", "queue", "status")):
        assert time.monotonic() < deadline and "Failed" not in state, state
        time.sleep(1)
    done(built, "dvc", "exp", "apply", "longer")
    after = built.digests("artifacts", "data", "baselines", "studies")
    changed = {path for path in before if after.get(path) != before[path]}
    assert changed and all(path.startswith("artifacts/lstm/") for path in changed)
    assert set(after) == set(before)
    assert len((built.folder / "dvc.lock").read_text().splitlines()) == len(lock.splitlines())
    assert "up to date" in done(built, "dvc", "status")
    assert "Running stage" not in done(built, "dvc", "repro")
    folder = built.folder / "artifacts/lstm"
    value = json.loads((folder / "metrics.json").read_text())["value"]
    assert json.loads((folder / "manifest.json").read_text())["metrics"]["test_perplexity"] == value
    diff = done(built, "git", "diff", "--unified=0", "params.yaml").splitlines()[4:]
    assert [line.strip() for line in diff if line[0] in "+-"] == [
        "-      epochs: 2",
        "+      epochs: 3",
    ]
    [old, new] = metric_of(built, "lstm")
    assert new == value != old


def metric_of(project, name):
    """Old and new value as `dvc metrics diff` tells them."""
    found = json.loads(done(project, "dvc", "metrics", "diff", "--json"))
    assert set(found) == {f"artifacts/{name}/metrics.json"}
    value = found[f"artifacts/{name}/metrics.json"]["value"]
    return [value["old"], value["new"]]


def test_a_table_of_experiments_fits_a_screen_and_holds_their_metrics(built):
    table = done(built, "dvc", "exp", "show", "--only-changed", "--csv")
    head, *rows = [line.split(",") for line in table.splitlines()]
    assert len(head) <= 13
    assert "value" in head[-2:] or any(column.endswith("value") for column in head)
    assert any("longer" in row for row in rows)


@pytest.mark.parametrize("wrong", ["recipes.lstm.training.epoch=2", "recipes.lstn.seed=2"])
def test_an_override_of_what_is_not_there_is_refused(built, wrong):
    shutil.copy(built.folder / "params.yaml", built.folder / "kept.yaml")
    refused = built.run("dvc", "exp", "run", "-S", wrong, "evaluate@lstm")
    assert refused.returncode != 0 and "Could not override" in refused.stdout + refused.stderr
    kept = (built.folder / "kept.yaml").read_bytes()
    assert (built.folder / "params.yaml").read_bytes() == kept
