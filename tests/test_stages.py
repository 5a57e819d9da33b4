"""What DVC is told is the truth: a stage runs again when its params or the code it runs changed."""

import ast
import functools
import json

import numpy as np
import pytest
from ruamel.yaml import YAML

from pipelines.stage import TRAINING_SECONDS, run_stage
from repertoire.config import RepertoireError
from repertoire.data.files import read_json
from repertoire.data.tensors import read_tensors
from tests.project import ROOT, Project

STAGES = YAML(typ="safe").load(ROOT / "dvc.yaml")["stages"]


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A project in miniature, of which only the fingerprints are taken."""
    return Project(tmp_path_factory.mktemp("fingerprints") / "p")


def fingerprints(project):
    done = project.stage("fingerprint")
    assert done.returncode == 0, done.stderr
    folder = project.folder / "fingerprints"
    return {
        path.relative_to(folder).as_posix(): json.loads(path.read_text())
        for path in folder.rglob("*.json")
    }


@functools.cache
def unchanged(project):
    """The fingerprints of the project as it is made, and as every test leaves it."""
    return fingerprints(project)


def changed_by(project, file, old, new):
    """The fingerprints that another text in a file changes; the file is put back."""
    before, path = unchanged(project), project.folder / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    after = fingerprints(project)
    path.write_text(text)
    assert set(before) == set(after)
    return {name for name in before if before[name] != after[name]}


def test_every_stage_and_item_has_a_fingerprint(project):
    params = project.params()
    wanted = {f"prepare/{dataset}.json" for dataset in params["datasets"]}
    wanted |= {f"{s}/{r}.json" for s in ("train", "evaluate") for r in params["recipes"]}
    wanted |= {f"study/{study}.json" for study in params["studies"]}
    assert set(unchanged(project)) == wanted
    assert len(wanted) > 15


def test_a_comment_or_a_docstring_changes_nothing(project):
    file = "src/repertoire/families/gan/learner.py"
    assert changed_by(project, file, "import torch\n", "import torch  # the framework\n") == set()
    assert changed_by(project, file, '"""', '"""In other words: ') == set()


@pytest.mark.parametrize(
    ("file", "old", "new", "stages"),
    [
        ("src/repertoire/families/gan/learner.py", "\nclass ", "\nX = 1\n\nclass ", "train"),
        (
            "src/repertoire/families/gan/network.py",
            "\nclass ",
            "\nX = 1\n\nclass ",
            "train evaluate",
        ),
    ],
)
def test_a_family_changes_the_stages_of_its_own_recipes_alone(project, file, old, new, stages):
    own = [n for n, block in project.params()["recipes"].items() if block["family"] == "gan"]
    assert len(own) == 3
    found = changed_by(project, file, old, new)
    assert found == {f"{stage}/{name}.json" for stage in stages.split() for name in own}


def test_a_baseline_changes_the_data_sets_of_its_kind_and_what_is_compared_alone(project):
    file = "src/repertoire/kinds/piano_rolls/baselines.py"
    found = changed_by(project, file, "\nBASELINES", "\nX = 1\nBASELINES")
    params = project.params()
    music = {"chorales", "jsb_chorales"}
    recipes = [n for n, block in params["recipes"].items() if block["dataset"] in music]
    assert found == {f"prepare/{name}.json" for name in music & params["datasets"].keys()} | {
        f"evaluate/{name}.json" for name in recipes
    }
    assert len(found) > 1


def test_a_reader_changes_its_own_data_sets_alone(project):
    found = changed_by(project, "src/repertoire/readers/dates.py", "\nMONTHS", "\nX = 1\nMONTHS")
    assert found == {"prepare/dates.json"}


def test_a_study_changes_itself_and_its_text_nothing(project):
    file = "src/repertoire/studies/rtrl.py"
    found = changed_by(project, file, "\nMETHODS", "\nX = 1\nMETHODS")
    assert found == {"study/rtrl.json"}
    assert changed_by(project, file, '"""', '"""In other words: ') == set()


def test_a_study_runs_again_for_its_sizes_and_not_for_its_title(project):
    params, kept, before = project.params(), project.params(), unchanged(project)
    for keys, value, changed in (
        (("title",), "Another name", set()),
        (("config", "seed"), 99, {"study/rtrl.json"}),
    ):
        block = params["studies"]["rtrl"]
        for key in keys[:-1]:
            block = block[key]
        block[keys[-1]] = value
        project.write_params(params)
        after = fingerprints(project)
        assert {name for name in before if before[name] != after[name]} == changed
        before = after
    project.write_params(kept)


def test_code_that_all_share_changes_all(project):
    found = changed_by(project, "src/repertoire/config.py", "\nT = ", "\nX = 1\nT = ")
    assert found == set(unchanged(project))


def test_a_title_or_the_lead_that_a_gate_wants_trains_nothing_anew(project):
    params, kept, before = project.params(), project.params(), unchanged(project)
    params["recipes"]["lstm"]["title"] = "Another name"
    params["recipes"]["lstm"]["gate"]["standard_errors"] = 101
    project.write_params(params)
    after = fingerprints(project)
    project.write_params(kept)
    assert {name for name in before if before[name] != after[name]} == {
        "evaluate/lstm.json",
    }


@functools.cache
def packages(file):
    """The packages from which a file of the library or of the stages imports anything."""
    home = ROOT if (ROOT / file).exists() else ROOT / "src"
    names = []
    for node in ast.walk(ast.parse((home / file).read_text())):
        names += [a.name for a in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
    return {name.split(".")[0] for name in names}


def test_torch_and_mlflow_are_imported_only_where_they_are_needed(project):
    """By the code of the stages, whatever is lazily imported included."""
    imported: dict[str, set[str]] = {"torch": set(), "mlflow": set(), "great_expectations": set()}
    for name, content in unchanged(project).items():
        for file in content["code"]:
            for package in imported.keys() & packages(file):
                imported[package].add(name.split("/")[0].removesuffix(".json"))
    assert imported["mlflow"] == set()
    assert imported["great_expectations"] == {"prepare"}
    assert "train" in imported["torch"] and "evaluate" not in imported["mlflow"]


def test_a_mistake_in_the_last_block_is_found_before_anything_runs(project):
    params = project.params()
    kept = project.params()
    params["recipes"]["gan_digits"]["config"]["latnet"] = 3
    project.write_params(params)
    done = project.stage("fingerprint")
    project.write_params(kept)
    assert done.returncode == 1
    assert done.stderr.strip().startswith(
        "fingerprint: params.yaml.recipes.gan_digits.config.latnet: unknown key"
    )


@pytest.mark.parametrize("stage", sorted(STAGES))
def test_every_stage_declares_what_it_needs_and_makes(stage):
    body = STAGES[stage].get("do", STAGES[stage])
    assert body["deps"] and (body.get("outs") or body.get("metrics"))
    if stage != "fingerprint":
        assert body["deps"][0].startswith("fingerprints/")


def test_no_stage_of_dvc_yaml_names_a_data_set_or_a_recipe():
    text = (ROOT / "dvc.yaml").read_text(encoding="utf-8").split("\nartifacts:\n")[0]
    params = YAML(typ="safe").load(ROOT / "params.yaml")
    names = (*params["recipes"], *params["datasets"], *params["studies"])
    names = [name for name in names if name not in ("digits", "dates")]
    assert len(names) > 10
    assert not [name for name in names if name in text]


def test_every_recipe_is_an_artifact_of_dvc_yaml():
    declared = YAML(typ="safe").load(ROOT / "dvc.yaml")["artifacts"]
    recipes = YAML(typ="safe").load(ROOT / "params.yaml")["recipes"]
    assert declared == {n: {"path": f"artifacts/{n}", "type": "model"} for n in recipes}


def make_a_file(folder):
    (folder / "data").write_text("", "utf-8")
    return folder / "data/letters"


def make_a_folder(folder):
    (folder / "data/letters").mkdir(parents=True)
    return folder / "data/letters"


def too_long(folder):
    return folder / ("l" * 257)


@pytest.mark.parametrize("place", [make_a_file, make_a_folder, too_long])
def test_a_path_that_cannot_be_used_is_one_line_with_its_name(tmp_path, monkeypatch, place):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["train", "lstm"])
    path = place(tmp_path)
    with pytest.raises(SystemExit) as caught:
        run_stage("train", lambda name: path.write_text("a", "utf-8"))
    said = str(caught.value)
    assert said.startswith("train lstm: ") and str(path) in said and "\n" not in said


def test_a_machine_without_memory_is_one_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["train", "lstm"])
    with pytest.raises(SystemExit, match="train lstm: out of memory"):
        run_stage("train", lambda name: np.empty(2**57) and None)


@pytest.mark.parametrize("content", [b"", b'{"a": ', b"\xff\xfe\x93", b"\x10" + bytes(7) + b"{"])
def test_a_damaged_file_is_named_with_the_remedy(tmp_path, content):
    for name, reading in (("a.json", read_json), ("a.safetensors", read_tensors)):
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(RepertoireError, match=rf"{name}: no.*; delete the file and repeat"):
            reading(path)


def test_seconds_of_training_lie_where_the_first_page_of_the_report_reads_them(
    tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["train", "lstm"])
    run_stage("train", lambda name: None)
    run_stage("evaluate", lambda name: None)
    [line] = (tmp_path / TRAINING_SECONDS).read_text().splitlines()
    assert line.startswith('(window.trainingSeconds ??= {})["lstm"] = 0')
    template = (ROOT / "pipelines/report/index.html.jinja").read_text()
    assert f'src="../{TRAINING_SECONDS}"' in template
