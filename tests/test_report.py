"""The report: one file that needs nothing else, the same for the same inputs, and honest."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from pipelines.params import Gate, Recipe, Training
from pipelines.report import card
from pipelines.report import page as pages_of_report
from pipelines.report.card import family_name, requests, settings
from pipelines.report.charts import draw_lines, panels
from pipelines.report.compare import comparisons, verdicts
from pipelines.report.figures import heatmap
from pipelines.report.page import INPUTS, OUTPUT, report
from pipelines.report.words import listed, number
from repertoire.config import RepertoireError, parse
from repertoire.contract import Figure, Kind, Line
from repertoire.data.figures import write_figures
from repertoire.kinds.series.limits import against_the_strongest
from repertoire.measured import Baseline, Declared, Metric
from tests.project import full_params

PARAMS = """
gate: {}
training: {}
families: {}
recipes:
  good: &recipe
    title: Good <net>
    family: toy
    dataset: lines
    seed: 1
    training: {epochs: 3, threads: 1, checkpoint_seconds: 1, record_steps: 20}
    gate:
      metric: perplexity
      better: lower
      baseline: unigram_perplexity
      standard_errors: 1
      champion: passed
    config: {prompt: "it's", units: 3}
  poor: {<<: *recipe, title: Poor net}
studies:
  drops: {title: Drops & falls, module: drops, config: {}}
"""
MEANS = Declared(
    (
        Metric("perplexity", "Perplexity", "", "lower"),
        Metric("chrf_percent", "chrF", "%", "higher"),
        Metric("frechet_distance", "Fréchet distance", "features²", "lower"),
        Metric("reconstruction_mse", "Reconstruction error", "", "lower", against="mse"),
    ),
    (
        Baseline("unigram", "unigram"),
        Baseline("kneser_ney", "Kneser–Ney {kneser_ney_order:.0f}-gram"),
        Baseline("nearest_neighbour", "translation memory"),
        Baseline("gaussian", "Gaussian"),
        Baseline("pca_{latent:d}", "{latent} principal components"),
        Baseline("real_halves", "two halves of real images", "real"),
    ),
)
ERROR = 4.0
BASELINES = {
    "unigram_perplexity": 50.0,
    "kneser_ney_perplexity": 30.0,
    "kneser_ney_order": 3.0,
    "chrf_signature": "version:1",
}
FACTS = {
    "kind": "running_text",
    "origin": "here",
    "licence": "none",
    "vocabulary": 9,
    "tokens": {"train": 1000, "valid": 10, "test": 10},
    "unknown_share_test": 0.05,
}


def gate(value: float) -> dict[str, Any]:
    return {
        "metric": "perplexity",
        "better": "lower",
        "value": value,
        "baseline": "unigram_perplexity",
        "baseline_value": 50.0,
        "margin": 50.0 - value,
        "standard_error": ERROR,
        "wanted": ERROR,
        "passed": 50.0 - value > ERROR,
    }


def measured(value: float, **other: float) -> dict[str, Any]:
    metrics = other or {"perplexity": value}
    errors = dict.fromkeys(metrics, ERROR)
    return {"test": metrics, "standard_errors": errors, "verdicts": []}


def figures() -> list[Figure]:
    return [
        Figure("pictures", Kind.IMAGES, "Dots.", images=np.zeros((1, 2, 4, 4), np.uint8)),
        Figure("map", Kind.HEATMAP, "Looks.", values=np.eye(2), rows=["한", "<s>"], columns="ab"),
        Figure("words", Kind.TEXTS, "Says.", rows=["greedy"], cells=["<script>alert(1)</script>"]),
        Figure("counts", Kind.TABLE, "Counts.", columns=("a", "b"), cells=[("x & y", "1")]),
    ]


def write_recipe(folder: Path, value: float) -> None:
    (folder / "evaluation").mkdir(parents=True)
    write_figures(folder / "evaluation", figures())
    graph = {
        "name": "score",
        "bytes": 1200,
        "sha256": "c" * 64,
        "parity": {"largest_difference": 2e-6, "pixels_off": 0.003, "shapes": [{"batch": 1}]},
    }
    steps = [{"step": 20 * n, "loss_nats": 5 / n, "gradient_norm": 1 / n} for n in range(1, 50)]
    contents: dict[str, Any] = {
        "evaluation/results.json": {**measured(value), "gate": gate(value)},
        "trained/history.json": {
            "steps": steps,
            "epochs": [{"epoch": n, "steps_done": n, "perplexity": 9 - n} for n in (1, 2, 3)],
        },
        "manifest.json": {
            "tasks": ["score"],
            "graphs": [graph],
            "facts": FACTS,
            "baselines": BASELINES,
            "parity": {"perplexity": 1e-7},
            "digests": {"data": "a" * 64},
        },
    }
    (folder / "trained").mkdir()
    weights = {"one": np.eye(3), "the_same": np.eye(3), "other": np.zeros(7)}
    save_file(weights, folder / "trained/weights.safetensors")
    for file, content in contents.items():
        (folder / file).write_text(json.dumps(content), encoding="utf-8")


def fill(folder: Path) -> None:
    (folder / "params.yaml").write_text(PARAMS, encoding="utf-8")
    studies = folder / "src/repertoire/studies"
    studies.mkdir(parents=True)
    (studies / "drops.py").write_text('"""How drops fall.\n\nDown (Everybody 1687).\n"""\n')
    course = Line("drop", [1, 2], [4.0, 5.0])
    (folder / "studies/drops").mkdir(parents=True)
    write_figures(
        folder / "studies/drops",
        [Figure("course", Kind.LINES, "Falls.", columns=("s", "m"), lines=[course])],
    )
    family = folder / "src/repertoire/families/toy"
    family.mkdir(parents=True)
    (family / "__init__.py").write_text('"""A toy.\n\nInvented (Nobody 1999).\n"""\n')
    write_recipe(folder / "artifacts/good", 20.0)
    write_recipe(folder / "artifacts/poor", 47.0)


def enter(folder: Path, patch: pytest.MonkeyPatch) -> None:
    """Work in the folder, whose library has the toys alone."""
    patch.chdir(folder)
    patch.delenv("REPERTOIRE_PARAMS", raising=False)
    patch.setattr(card, "FAMILIES", folder / "src/repertoire/families")
    patch.setattr(pages_of_report, "declared", lambda family, kind: MEANS)
    patch.setattr(card, "STUDIES", folder / "src/repertoire/studies")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    enter(tmp_path, monkeypatch)
    fill(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("report")
    fill(folder)
    with pytest.MonkeyPatch.context() as patch:
        enter(folder, patch)
        report()
    return written(folder)


def written(folder: Path = Path()) -> str:
    """All pages, one after the other."""
    return "\n".join(path.read_text(encoding="utf-8") for path in sorted(pages(folder)))


def pages(folder: Path = Path()) -> list[Path]:
    return list((folder / OUTPUT).glob("*.html"))


def test_the_pages_ask_for_nothing_outside_themselves(project: Path) -> None:
    report()
    assert {path.name for path in pages()} == {"index.html", "studies.html", "toy.html"}
    for path in pages():
        page = path.read_text(encoding="utf-8")
        # Seconds are no output: the first page looks for them beside itself and does without.
        page = page.replace('<script src="../.timings/training.js"></script>\n<script>', "", 1)
        addresses = re.findall(r'(?:src|href)\s*=\s*"([^"]*)"', page)
        outside = [each for each in addresses if not each.startswith(("#", "data:"))]
        assert outside and all((OUTPUT / each.split("#")[0]).exists() for each in outside)
        assert "<script" not in page
        assert "@import" not in page
        assert all(place.startswith("#") for place in re.findall(r"url\(([^)]*)\)", page))


def test_equal_inputs_give_equal_bytes(page: str, project: Path) -> None:
    report()
    (OUTPUT / INPUTS).unlink()
    report()
    assert written() == page


def test_pages_are_drawn_again_only_when_something_that_they_show_has_changed(
    page: str, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report()
    first = OUTPUT / "index.html"
    before = first.stat().st_mtime_ns
    report()
    assert first.stat().st_mtime_ns == before
    assert "nothing that it shows has changed" in capsys.readouterr().out
    results = Path("artifacts/good/evaluation/results.json")
    results.write_text(
        results.read_text(encoding="utf-8").replace("20.0", "23.0"), encoding="utf-8"
    )
    report()
    assert written() != page


@pytest.mark.parametrize(
    ("recipes", "beaten", "words"),
    [
        (1, 0, "1 recipe, which does not beat its baseline"),
        (1, 1, "1 recipe, which beats its baseline"),
        (3, 0, "3 recipes, none beat their baseline"),
        (3, 1, "3 recipes, 1 beats its baseline"),
        (5, 2, "5 recipes, 2 beat their baseline"),
    ],
)
def test_the_line_of_the_report_counts_in_plain_words(
    recipes: int, beaten: int, words: str
) -> None:
    assert pages_of_report._beaten_words(recipes, beaten) == words


def test_every_link_has_its_place(project: Path) -> None:
    report()
    places = {p.name: re.findall(r'\bid="([^"]+)"', p.read_text("utf-8")) for p in pages()}
    seen = set()
    for path in pages():
        for address in re.findall(r'<a href="([^"]+)"', path.read_text(encoding="utf-8")):
            file, _, place = address.partition("#")
            assert not place or place in places[file or path.name], address
            seen.add(address)
    assert "toy.html#model-poor" in seen and "index.html" in seen


def test_every_model_is_listed_with_its_learned_numbers_counted_once(project: Path) -> None:
    report()
    page = (OUTPUT / "index.html").read_text(encoding="utf-8")
    assert page.count('<td class="n">16</td><td class="n">3</td>') == 2  # 9 + 7, and 3 steps


def test_settings_within_settings_are_a_line_each() -> None:
    config = {"units": [5, 3], "rivals": {"ridges": [2.0, 7.0], "metric": "mse"}, "noise": {}}
    recipe = Recipe(
        "A", "toy", "d", 11, Training(13, 1, 1.0, 1), Gate("m", "lower", "b", 0, "passed"), config
    )
    assert settings(recipe) == [
        ("seed", "11"),
        ("epochs", "13"),
        ("units", "5, 3"),
        ("rivals, ridges", "2.0, 7.0"),
        ("rivals, metric", "mse"),
        ("noise", "none"),
    ]


def test_a_family_is_called_as_its_authors_call_it() -> None:
    wanted = ("CycleGAN", "GAN", "pix2pix", "language model", "variational autoencoder")
    assert tuple(family_name(name.lower().replace(" ", "_")) for name in wanted) == wanted


def test_a_missed_gate_is_shown_and_what_lies_within_two_standard_errors_is_a_tie(
    page: str,
) -> None:
    assert "1 of 2" in page
    assert "✓ better" in page and "✗ within noise" in page
    assert "20.00 ± 4.0" in page
    good = "Good &lt;net&gt; is better than the unigram (perplexity 50.00)"
    assert f"{good}; Poor net is within noise of it." in page


def test_what_does_not_beat_kneser_ney_is_named(page: str) -> None:
    assert "Poor net is worse than it." in page.split("Kneser–Ney 3-gram (perplexity 30.00)")[1]


def test_text_is_escaped(page: str) -> None:
    assert "<net>" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "x &amp; y" in page


def test_every_kind_of_figure_is_drawn(page: str) -> None:
    assert page.count('src="data:image/png;base64,') == 2
    assert page.count('<svg class="heatmap"') == 2
    assert ">한</text>" in page
    assert "&lt;s&gt;</text>" in page


def test_a_card_names_sources_and_a_request_that_a_shell_can_read(page: str) -> None:
    assert "Invented (Nobody 1999)." in page
    assert "/v1/models/good/score -d" in page


def test_a_card_has_the_verdict_as_the_manifest_says_it_and_an_older_one_has_none(
    project: Path,
) -> None:
    file = Path("artifacts/good/manifest.json")
    manifest = json.loads(file.read_text("utf-8"))
    manifest["verdict"] = {"sentence": "Better than <the rest>."}
    file.write_text(json.dumps(manifest), "utf-8")
    report()
    assert re.findall("<dt>Verdict</dt><dd>(.*)</dd>", written()) == [
        "Better than &lt;the rest&gt;."
    ]


def test_a_study_has_its_title_its_docstring_and_its_figures(page: str) -> None:
    section = page.split('id="study-drops"')[1]
    assert "Drops &amp; falls" in section
    assert "How drops fall. Down (Everybody 1687)." in section
    assert 'aria-label="course"' in section
    assert '<a href="#study-drops">' in page


def test_a_study_that_did_not_run_is_named_with_the_remedy(project: Path) -> None:
    Path("studies/drops/figures.json").unlink()
    with pytest.raises(RepertoireError, match="dvc repro study@drops"):
        report()
    assert not OUTPUT.exists()


def test_curves_mark_the_epoch_that_was_kept(page: str) -> None:
    assert "Validation: Perplexity" in page
    assert "validation perplexity 6.000" in page


def test_variants_of_one_data_set_share_a_diagram_of_their_validation() -> None:
    courses = ([3.0, 7.0, 5.0], [11.0, 13.0, 17.0])
    histories = [
        {"steps": [], "epochs": [{"epoch": n + 1, "exact": y} for n, y in enumerate(course)]}
        for course in courses
    ]
    (panel,) = panels(histories, Metric("exact", "Exact", "", "higher"))
    assert [(tuple(c.y), c.kept, c.colour) for c in panel.curves] == [
        ((3.0, 7.0, 5.0), 1, 0),
        ((11.0, 13.0, 17.0), 2, 1),
    ]


@pytest.mark.parametrize(
    "file", ["evaluation/results.json", "trained/history.json", "evaluation/figures.json"]
)
def test_a_recipe_that_was_not_evaluated_is_named_with_the_remedy(project: Path, file: str) -> None:
    (Path("artifacts/poor") / file).unlink()
    with pytest.raises(RepertoireError, match="dvc repro evaluate@poor"):
        report()
    assert not OUTPUT.exists()


def test_a_training_without_records_has_a_page_without_curves(project: Path) -> None:
    for name in ("good", "poor"):
        path = Path("artifacts") / name / "trained/history.json"
        epochs = [{"epoch": 1, "steps_done": 3, "perplexity": 9.0}]
        path.write_text(json.dumps({"steps": [], "epochs": epochs}), encoding="utf-8")
    report()
    assert "Training loss" not in written()


def test_a_floor_is_no_baseline_to_beat() -> None:
    found = measured(0, frechet_distance=4.0)
    known = {"gaussian_frechet_distance": 11.0, "real_halves_frechet_distance": 2.0}
    rows = comparisons(
        gate(4.0) | {"metric": "frechet_distance", "baseline": "gaussian_frechet_distance"},
        found,
        known,
        {},
        MEANS,
    )
    assert [row.verdict for row in rows] == ["✓ within noise", "above the floor"]
    assert "The floor is 2.000" in verdicts([("GAN", rows)])[1]


def test_a_reference_takes_its_width_from_the_recipe() -> None:
    rows = comparisons(
        gate(4.0),
        {
            "test": {"perplexity": 4.0, "reconstruction_mse": 0.5},
            "standard_errors": {},
            "verdicts": [],
        },
        {"unigram_perplexity": 50.0, "pca_8_mse": 0.25, "pca_16_mse": 1},
        {"latent": 8},
        MEANS,
    )
    assert [(row.baseline.label, row.verdict) for row in rows] == [
        ("unigram", "✓ better"),
        ("8 principal components", "worse"),
    ]


def test_a_ratio_without_a_divisor_is_left_out() -> None:
    known = {"unigram_perplexity": 50.0, "nearest_neighbour_chrf_percent": 0.0}
    metrics = {"perplexity": 4.0, "chrf_percent": 5.0}
    results = {"test": metrics, "standard_errors": {}, "verdicts": []}
    rows = comparisons(gate(4.0), results, known, {}, MEANS)
    assert rows[1].ratio == "–"


def test_words_and_numbers_are_those_of_a_reader() -> None:
    assert [number(v) for v in (0, -5.5, 0.0412, 1234.5)] == ["0", "−5.500", "0.04120", "1,234"]
    assert listed(["a", "b", "c"]) == "a, b and c"
    assert listed(["a, b", "c"]) == "a, b; and c"


def test_long_column_labels_of_a_heat_map_stand_on_end() -> None:
    assert "rotate" not in heatmap([[1.0]], ["x"], ["ab"])[0]
    assert "rotate" in heatmap([[1.0]], ["x"], ["abcd"])[0]


@pytest.mark.parametrize(("x", "ticks"), [([5, 40], {"5", "10", "20"}), ([1, 9000], set())])
def test_a_short_logarithmic_axis_has_plain_digits(x: list[float], ticks: set[str]) -> None:
    line = {"x": x, "y": [1, 2], "low": [], "high": [], "points": False, "texts": []}
    record = {"name": "n", "columns": ["x", "y"], "lines": [line], "logarithmic": "x"}
    written = set(re.findall(r">([0-9]+)</text>", draw_lines(record)))
    assert written == ticks


def test_a_sentence_names_the_nets_that_are_better_within_noise_and_worse() -> None:
    known = {"unigram_perplexity": 50.0}

    def rows(value: float) -> list[Any]:
        return comparisons(gate(value), measured(value), known, {}, MEANS)

    against = "the unigram (perplexity 50.00)"
    one, other, even, poor = (rows(value) for value in (20.0, 30.0, 53.0, 61.0))
    assert verdicts([("One", one), ("Other", other)]) == [f"Every net is better than {against}."]
    everyone = [("One", one), ("Even", even), ("Other", other), ("Poor", poor)]
    assert verdicts(everyone) == [
        f"One and Other are better than {against}; Even is within noise of it; "
        "Poor is worse than it."
    ]
    assert verdicts([("Poor", poor)]) == [f"Poor is worse than {against}."]


@pytest.mark.parametrize(
    ("statistic", "p_value", "words"),
    [
        (-3.1, 0.002, "its errors are smaller"),
        (3.1, 0.002, "on validation has smaller errors"),
        (-1.2, 0.23, "may be chance"),
    ],
)
def test_a_card_says_whether_a_forecaster_beats_the_strongest_baseline(
    statistic: float, p_value: float, words: str
) -> None:
    assert words in against_the_strongest(statistic, p_value)


def test_a_request_with_pictures_names_their_files_and_the_class_where_it_is_told() -> None:
    recipe = parse(Recipe, full_params()["recipes"]["vae_conditional"], "vae_conditional")
    tasks = ["reconstruct", "blend", "sample", "interpolate"]
    lines = requests("model", {"tasks": tasks, "facts": {}}, recipe, [])
    sent = [re.sub(r"\$\(base64 -w0 (\w+)\.png\)", r"\1", shlex.split(line)[-1]) for line in lines]
    assert [json.loads(body) for body in sent] == [
        {"images": ["picture"], "label": 3},
        {"images": ["one", "other"], "label": 3},
        {"count": 4, "seed": 0, "label": 3},
        {"seeds": [0, 1], "steps": 7, "label": 3},
    ]
