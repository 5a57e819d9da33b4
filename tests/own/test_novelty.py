"""Novelty: tables with a label and folders of images, clean and dirty, until a served answer."""

import base64
import io
import json
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageDraw

from repertoire.config import ConfigError, parse
from repertoire.contract import load_family
from repertoire.data.cells import numbers
from repertoire.data.doors import DROPPED, OptionNeeded
from repertoire.data.sources import Files, SourceError
from repertoire.data.validation import common, validate, with_identity
from repertoire.kinds.novelty import baselines, columns
from repertoire.readers import load_reader, novelty_images, novelty_table
from repertoire.readers.helpers.tables.novelty_labels import normal_labels
from repertoire.runtime import records
from serving.batch import command as batch
from tests.own.journey import add, repro, served

ROWS, FRAUDS = 331, 23


def payments(rows=ROWS, frauds=FRAUDS, seed=1):
    """Amounts with commas, a country, an age that some rows lack; fraud is large and abroad."""
    rng = np.random.default_rng(seed)
    fraud = np.arange(rows) % (rows // frauds) == 5
    fraud &= np.cumsum(fraud) <= frauds
    amount = rng.normal(900, 90, rows) + 5_000 * fraud
    country = rng.choice(["KR", "US"], rows, p=[0.8, 0.2])
    age = rng.integers(20, 70, rows).astype(str)
    age[rng.random(rows) < 0.1] = ""
    return pd.DataFrame(
        {
            "id": np.arange(1, rows + 1),
            "when": pd.date_range("2024-02-27", periods=rows, freq="37min").astype(str),
            "amount": [f"{value:,.2f}" for value in amount],
            "country": np.where(fraud, "ZZ", country),
            "age": age,
            "currency": "KRW",
            "is_fraud": fraud.astype(int),
        }
    )


@pytest.fixture
def raw(tmp_path):
    (tmp_path / "raw").mkdir()
    return tmp_path / "raw"


def proposed(raw, **options):
    return novelty_table.propose(raw, {k.replace("_", "-"): v for k, v in options.items()})


def tabulated(raw, proposal):
    reader = load_reader(proposal.reader)
    config = parse(reader.Config, proposal.config, "test")
    return config, reader.tabulate(config, Files({"raw": raw}))


def said(proposal, of):
    return " ".join(fact.sentence for fact in proposal.facts if fact.of == of)


def write(raw, table, name="payments.csv", **more):
    table.to_csv(raw / name, index=False, **more)


def checked(reader, config, table):
    table = with_identity(table)
    names = [c for c in table.columns if c not in ("row", "split", "key", "splits_of_key")]
    return validate("rows", table, [*common(names), *reader.expectations(config)])


def test_a_table_becomes_a_served_detector_that_takes_rows_as_the_file_has_them(tmp_path):
    write(tmp_path, payments())
    path = tmp_path / "payments.csv"
    told = add(tmp_path, "pay", path, "--family", "novelty_detector", "--minutes", "0.1")
    assert told.returncode == 0, told.stderr
    artifacts = repro(tmp_path, "pay")
    usual = {"amount": "905.50", "country": "KR", "age": "41", "id": "7"}
    strange = {"amount": "6,905.50", "country": "ZZ", "age": ""}
    with served(artifacts.parent) as client:
        body = {"rows": [usual, strange, {**usual, "amount": 6905.5}, ["905.50", 41, "KR"]]}
        found = client.post("/v1/models/pay/detect", json=body).json()["results"]
        alone = client.post("/v1/models/pay/detect", json={"rows": usual}).json()["results"]
        bad = client.post("/v1/models/pay/detect", json={"rows": {"amount": "much"}})
        none = client.post("/v1/models/pay/detect", json={"rows": {"sum": 3}})
    assert [each["anomaly"] for each in found] == [False, True, True, False]
    for other in (alone[0], found[3]):
        assert other["score"] == pytest.approx(found[0]["score"])
    assert list(found[0]["columns"]) == ["amount", "age", "country"]
    assert found[1]["columns"]["amount"]["value"] == 6905.5
    assert found[1]["columns"]["country"]["value"] == "ZZ"
    assert found[1]["columns"]["age"]["value"] is None
    assert 500 < found[0]["columns"]["amount"]["expected"] < 1500
    assert found[0]["columns"]["country"]["expected"] in ("KR", "US")
    assert sum(c["error"] for c in found[0]["columns"].values()) == pytest.approx(
        found[0]["score"] * len(columns.value_names(_columns(artifacts))), rel=1e-3
    )
    line = 'rows[0], amount, is "much"; send a finite number'
    assert bad.status_code == 422 and bad.json()["error"] == line
    assert none.status_code == 422 and "none of the model's columns" in none.text
    figures = (artifacts / "evaluation/figures.json").read_text(encoding="utf-8")
    assert "example-record" in figures and "country other for" in figures
    # The file itself, in a batch job.
    answers = tmp_path / "answers.jsonl"
    words = ["pay", "detect", path, answers, "--models", artifacts.parent]
    assert batch.main([str(word) for word in words]) == 0
    lines = answers.read_text(encoding="utf-8").splitlines()
    told = np.array([json.loads(line)["anomaly"] for line in lines])
    assert len(told) == ROWS and told[payments()["is_fraud"] == 1].all() and told.mean() < 0.2


def _columns(artifacts):
    manifest = json.loads((artifacts / "manifest.json").read_text(encoding="utf-8"))
    return manifest["encodings"]["rows"]["columns"]


def test_columns_are_chosen_and_what_is_left_out_is_told(raw):
    write(raw, payments())
    proposal = proposed(raw)
    config = proposal.config
    assert config["numbers"] == ["amount", "age"] and config["categories"] == ["country"]
    assert config["label"] == "is_fraud" and config["normal"] == ["0"]
    left = said(proposal, "columns")
    for line in ("id: an identifier", "when: a time", "currency: always the same"):
        assert line in left
    assert "age (" in said(proposal, "empty cells")
    assert "23 anomalies" not in said(proposal, "split") and "train" in said(proposal, "split")


def test_normal_rows_alone_train_and_each_kind_is_in_both_other_splits(raw):
    write(raw, payments())
    config, table = tabulated(raw, proposed(raw))
    checked(novelty_table, config, table)
    counts = table.groupby(["split", "anomaly"]).size()
    assert ("train", 1) not in counts.index and len(table) == ROWS
    assert counts["test", 1] == round(0.6 * FRAUDS) and counts["valid", 1] == round(0.4 * FRAUDS)
    assert counts["test", 0] == pytest.approx(0.25 * (ROWS - FRAUDS), abs=20)


def test_an_anomaly_among_training_rows_fails_its_expectation(raw):
    from repertoire.data.validation import ValidationError

    write(raw, payments())
    config, table = tabulated(raw, proposed(raw))
    row = table.index[(table["anomaly"] == 1)][0]
    table.loc[row, ["split", "trained_anomaly"]] = "train", 1
    with pytest.raises(ValidationError, match="no anomaly is trained on"):
        checked(novelty_table, config, table)


@pytest.mark.parametrize("form", ["parquet", "jsonl", "semicolons", "utf-16", "latin"])
def test_every_format_gives_the_same_rows(raw, form):
    table = payments()
    write(raw, table)
    _, wanted = tabulated(raw, proposed(raw))
    (raw / "payments.csv").unlink()
    if form in ("parquet", "jsonl"):
        typed = table.assign(amount=table["amount"].str.replace(",", "").astype(float))
        typed["age"] = pd.to_numeric(table["age"])
        if form == "parquet":
            typed.to_parquet(raw / "p.parquet")
        else:
            typed.to_json(raw / "p.jsonl", orient="records", lines=True)
    elif form == "semicolons":
        swapped = table.assign(amount=table["amount"].str.translate(str.maketrans(",.", ".,")))
        write(raw, swapped, sep=";")
    else:
        write(
            raw, table, encoding="utf-16" if form == "utf-16" else "latin-1", lineterminator="\r\n"
        )
    proposal = proposed(raw)
    assert proposal.config["decimal"] == ("," if form == "semicolons" else ".")
    _, found = tabulated(raw, proposal)
    rows = [np.stack(each["values"].to_list()) for each in (found, wanted)]
    assert np.array_equal(*rows, equal_nan=True)
    assert (found["split"] == wanted["split"]).all()


@pytest.mark.parametrize(
    ("labels", "options", "normal"),
    [
        (("0", "1"), {}, "0"),
        (("False", "True"), {}, "False"),
        (("normal", "anomaly"), {}, "normal"),
        (("1", "-1"), {}, "1"),  # as scikit-learn's detectors answer
        (("benign", "malignant"), {}, "benign"),
        (("b", "m"), {"normal": "b"}, "b"),
        (("정상", "이상"), {}, "정상"),
    ],
)
def test_labels_of_all_usual_kinds_are_understood(raw, labels, options, normal):
    table = payments().assign(label=lambda t: np.where(t["is_fraud"] == 1, labels[1], labels[0]))
    write(raw, table.drop(columns="is_fraud"))
    proposal = proposed(raw, **options)
    assert proposal.config["normal"] == [normal]
    assert tabulated(raw, proposal)[1]["anomaly"].sum() == FRAUDS


def test_the_label_is_told_as_the_file_spells_it():
    cells = pd.Series(["no"] * 11 + ["yes"] * 3)
    _, words = normal_labels("fraud", cells, {"label": "Fraud"})
    assert words.startswith("fraud = no is normal (11 rows), all else an anomaly (3)")
    assert words.endswith("; the column fraud is taken for --label Fraud")
    assert "--label" not in normal_labels("fraud", cells, {"label": "fraud"})[1]


def test_several_kinds_of_anomalies_have_one_normal_label(raw):
    kinds = np.array(["normal.", "smurf.", "neptune."])
    table = payments()
    table["label"] = kinds[table.pop("is_fraud") * (1 + np.arange(ROWS) % 2)]
    write(raw, table)
    assert tabulated(raw, proposed(raw))[1]["anomaly"].sum() == FRAUDS


@pytest.mark.parametrize(
    ("change", "options", "error", "line"),
    [
        (lambda t: t.drop(columns="is_fraud"), {}, OptionNeeded, "without a few labelled rows"),
        (lambda t: t, {"label": "nothing"}, ConfigError, "there are: id, when, amount"),
        (lambda t: t, {"normal": "2"}, ConfigError, r"there are: 0 \(308\), 1 \(23\)"),
        (lambda t: t.replace({"is_fraud": {0: "b", 1: "m"}}), {}, OptionNeeded, "--normal VALUE"),
        (lambda t: t, {"columns": "x"}, ConfigError, "--columns x: there is no such column"),
        (lambda t: t.head(40), {}, SourceError, "50 normal ones to learn from, and 5 anomalies"),
        (lambda t: t[["id", "when", "is_fraud"]], {}, OptionNeeded, "no column is left"),
        (lambda t: t.assign(x="1,234"), {}, None, ""),
        (lambda t: t[["id", "is_fraud"]].assign(x=[f"{1 + n % 7},{100 + n}" for n in range(ROWS)]),
         {}, OptionNeeded, "--decimal"),
    ],
)  # fmt: skip
def test_what_is_not_plain_is_asked_for_in_one_line(raw, change, options, error, line):
    write(raw, change(payments()))
    if error is None:
        assert "x: always the same" in said(proposed(raw, **options), "columns")
        return
    with pytest.raises(error, match=line) as found:
        proposed(raw, **options)
    assert "\n" not in str(found.value)


@pytest.mark.parametrize("cell", ["inf", "-Infinity", "a lot", "1e999"])
def test_what_is_no_finite_number_is_refused_by_its_place_or_left_out(raw, cell):
    table = payments()
    table.loc[[4, 6], "amount"] = cell
    write(raw, table)
    with pytest.raises(SourceError) as error:
        proposed(raw)
    assert "payments.csv: row 6: amount is no finite number (and 1 more" in str(error.value)
    _, found = tabulated(raw, proposed(raw, on_bad_row="drop"))
    assert len(found) == ROWS - 2 and [row["row"] for row in found.attrs[DROPPED]] == [6, 8]


def test_columns_and_categories_can_be_named(raw):
    write(raw, payments().assign(branch=np.arange(ROWS) % 3))
    proposal = proposed(raw, columns="amount,branch,id", categories="branch")
    assert proposal.config["numbers"] == ["amount", "id"]
    assert proposal.config["categories"] == ["branch"]


def test_files_called_by_splits_hold_and_some_anomalies_of_the_test_validate(raw):
    table = payments()
    train = (np.arange(ROWS) % 3 > 0) & (table["is_fraud"] == 0)
    write(raw, table[train], "train.csv")
    write(raw, table[~train], "test.csv")
    config, found = tabulated(raw, proposed(raw))
    checked(novelty_table, config, found)
    counts = found.groupby(["split", "anomaly"]).size()
    assert counts["test", 1] + counts["valid", 1] == FRAUDS and counts["valid", 1] == 9
    assert counts["test", 0] == (~train & (table["is_fraud"] == 0)).sum()


def test_anomalies_among_stated_training_rows_move_to_validation(raw):
    table = payments()
    test = np.arange(ROWS) % 4 == 0
    write(raw, table.assign(split=np.where(test, "test", "train")))
    config, found = tabulated(raw, proposed(raw))
    checked(novelty_table, config, found)
    own = table["is_fraud"] == 1
    assert (found["split"][found["anomaly"] == 1] == "valid").sum() == (own & ~test).sum()


def test_equal_rows_stay_in_one_split_and_contrary_labels_never_train(raw):
    table = payments()[["amount", "country", "is_fraud"]]
    twice = pd.concat([table, table.head(50), table[table["is_fraud"] == 1].assign(is_fraud=0)])
    write(raw, twice)
    proposal = proposed(raw)
    assert "23 rows are labelled both ways" in said(proposal, "contrary")
    _, found = tabulated(raw, proposal)
    assert found.groupby("key")["split"].nunique().max() == 1
    strange = set(found["key"][found["anomaly"] == 1])
    assert not strange & set(found["key"][found["split"] == "train"])


def test_anomalies_behind_the_sample_are_counted(raw, monkeypatch):
    from repertoire.readers.helpers.tables import novelty_columns

    write(raw, payments(30_011).sort_values("is_fraud", kind="stable"))
    monkeypatch.setattr(novelty_columns, "SAMPLE_BYTES", 2_000)
    proposal = proposed(raw)
    assert "were looked at" in said(proposal, "files") and not proposal.sample["anomaly"].any()
    assert "29,988 rows" in said(proposal, "labels") and "(23)" in said(proposal, "labels")
    assert proposal.rows == 30_011
    _, table = tabulated(raw, proposal)
    assert table["anomaly"].sum() == FRAUDS


class TestColumns:
    """Two numbers and a category by hand."""

    cells: ClassVar = np.array([[1.0, 5, 0], [3, np.nan, 1], [5, 7, 0], [np.nan, 9, 0]])
    learned: ClassVar = columns.learned(["a", "b"], {"c": ["x", "y", "z"]}, cells)

    def test_values_have_a_name_each(self):
        assert columns.value_names(self.learned) == [
            *("a", "a missing", "b", "b missing", "c=x", "c=y", "c=other"),
        ]

    def test_numbers_are_standardised_and_the_median_stands_for_a_missing_one(self):
        found = columns.encoded(self.learned, {"c": ["x", "y", "z"]}, self.cells)
        assert found[:, 0] == pytest.approx(np.array([-2, 0, 2, 0]) / np.sqrt(2))
        assert found[:, 3].tolist() == [0, 1, 0, 0]
        assert found[:, 4:].tolist() == [[1, 0, 0], [0, 1, 0], [1, 0, 0], [1, 0, 0]]

    def test_what_training_does_not_know_is_other_and_a_missing_category_is_none(self):
        names = {"c": ["w", "x", "y", "z"]}
        cells = np.array([[3.0, 7, 0], [3, 7, 2], [3, 7, np.nan], [1e30, 7, 1]])
        found = columns.encoded(self.learned, names, cells)
        assert found[:, 4:].tolist() == [[0, 0, 1], [0, 1, 0], [0, 0, 0], [1, 0, 0]]
        assert found[3, 0] == columns.LIMIT
        assert columns.decoded(self.learned, found[1]) == {"a": 3.0, "b": 7.0, "c": "y"}
        assert columns.decoded(self.learned, found[2])["c"] is None

    def test_errors_of_a_column_are_summed(self):
        assert columns.by_column(self.learned, np.arange(7.0)).tolist() == [1, 5, 15]

    def test_a_constant_column_is_measured_by_its_own_size(self):
        [only] = columns.learned(["a"], {}, np.full((11, 1), 0.003))
        assert only["scale"] == pytest.approx(0.003)

    def test_a_server_understands_a_row_as_training_did(self):
        encoding = {"columns": self.learned, "decimal": ".", "limit": columns.LIMIT}
        rows = [{"a": "1", "b": 5, "c": "x"}, [3, "", "y"], {"a": "5.0", "b": "7", "c": "x"}]
        rows.append({"a": None, "b": "9", "c": " x "})
        _, values = records.read(rows, encoding)
        wanted = columns.encoded(self.learned, {"c": ["x", "y", "z"]}, self.cells)
        assert np.array_equal(values, wanted)


@pytest.mark.parametrize("decimal", [".", ","])
def test_a_server_reads_numbers_as_tables_are_read(decimal):
    texts = ["1,234.5", "1.234,5", "1 234", "−3", "12 %", "$ 7", "2e-3", "1,2", "1.2", ".5", "x"]
    texts += ["1'000", "1,23,4", "--", "N/A", "+4", "007", "1e5"]
    column = [{"name": "a", "kind": "number", "median": 0, "center": 0, "scale": 1, "indicator": 0}]
    encoding = {"columns": column, "decimal": decimal, "limit": 1e9}
    wanted = numbers(pd.Series(texts), decimal)
    for text, number in zip(texts, wanted, strict=True):
        try:
            [cells], _ = records.read([{"a": text}], encoding)
        except records.InvalidInput:
            assert np.isnan(number), text
        else:
            assert cells["a"] == number or (cells["a"] is None and np.isnan(number)), text


def plate(rng, defect="", size=(41, 37)):
    """A grey plate with a dark disc, and a white scratch where there is a defect."""
    image = Image.new("L", size, 180)
    pen = ImageDraw.Draw(image)
    pen.ellipse((10, 8, 30, 28), fill=90)
    if defect == "scratch":
        pen.line((6, 6, 34, 30), fill=255, width=3)
    if defect == "hole":
        pen.ellipse((14, 12, 24, 22), fill=0)
    noise = rng.normal(0, 5, (size[1], size[0]))
    return Image.fromarray((np.asarray(image) + noise).clip(0, 255).astype(np.uint8))


def write_plates(folder, counts):
    rng = np.random.default_rng(0)
    for place, (name, count) in enumerate(counts.items()):
        (folder / name).mkdir(parents=True)
        for number in range(count):
            plate(rng, name.rsplit("/")[-1]).save(folder / name / f"{place}-{number}.png")


MVTEC = {"train/good": 53, "test/good": 11, "test/scratch": 7, "test/hole": 5}


def test_a_folder_in_the_layout_of_mvtec_becomes_a_served_detector(tmp_path):
    write_plates(tmp_path / "plates", MVTEC)
    mask = tmp_path / "plates/ground_truth/hole"
    mask.mkdir(parents=True)
    Image.new("L", (41, 37)).save(mask / "0_mask.png")
    words = ("--family", "novelty_detector", "--minutes", "0.2", "--side", "16")
    told = add(tmp_path, "plates", tmp_path / "plates", *words)
    assert told.returncode == 0, told.stderr
    assert "normal: good (64); anomalies: hole (5), scratch (7)" in told.stdout
    artifacts = repro(tmp_path, "plates")
    rng = np.random.default_rng(9)
    sent = []
    for defect in ("", "scratch"):
        file = io.BytesIO()
        plate(rng, defect, (82, 74) if not defect else (41, 37)).save(file, "PNG")
        sent.append(base64.b64encode(file.getvalue()).decode())
    with served(artifacts.parent) as client:
        answer = client.post("/v1/models/plates/detect", json={"images": sent[1:]}).json()
        large = client.post("/v1/models/plates/detect", json={"images": sent[:1]})
    assert answer["results"][0]["anomaly"] is True and large.status_code == 200
    picture = Image.open(io.BytesIO(base64.b64decode(answer["results"][0]["difference"])))
    assert picture.size == (16, 16)
    figures = (artifacts / "evaluation/figures.json").read_text(encoding="utf-8")
    assert "flagged, %" in figures and "scratch" in figures


def test_two_folders_are_normal_images_and_others(raw):
    write_plates(raw, {"normal": 47, "defect": 13})
    (raw / ".DS_Store").write_bytes(b"x")
    proposal = proposed(raw)
    assert proposal.reader == "novelty_images"
    assert proposal.config["normal"] == ["normal"] and proposal.config["side"] == 32
    assert "32 x 32 grey" in said(proposal, "size")
    config, table = tabulated(raw, proposal)
    checked(novelty_images, config, table)
    encoded = novelty_images.encode(config, table)
    assert encoded.arrays["train"]["images"].shape[1:] == (32, 32)
    assert encoded.facts["groups"] == ["normal", "defect"]
    assert not encoded.arrays["train"]["anomaly"].any()


def test_coloured_images_keep_their_colours(raw):
    write_plates(raw, {"ok": 37, "ng": 7})
    for path in raw.rglob("*.png"):
        grey = np.asarray(Image.open(path))
        Image.fromarray(np.stack((grey, grey // 2, 255 - grey), 2)).save(path)
    proposal = proposed(raw, side="16")
    assert proposal.config["channels"] == 3
    config, table = tabulated(raw, proposal)
    assert novelty_images.encode(config, table).facts["shape"] == [16, 16, 3]
    assert proposed(raw, colour="grey").config["channels"] == 1


def test_folders_with_other_names_are_asked_for(raw):
    write_plates(raw, {"monday": 37, "tuesday": 7})
    with pytest.raises(OptionNeeded, match="folders: monday, tuesday"):
        proposed(raw)
    proposal = proposed(raw, normal="monday", abnormal="tuesday")
    assert proposal.config["abnormal"] == ["tuesday"]
    with pytest.raises(ConfigError, match="--abnormal sunday: no such folder"):
        proposed(raw, normal="monday", abnormal="sunday")


def test_normal_images_alone_cannot_be_tested(raw):
    write_plates(raw, {"good": 37})
    with pytest.raises(SourceError, match="needed for an honest test"):
        proposed(raw)


def test_a_file_that_is_no_image_is_refused_by_name_or_left_out(raw):
    write_plates(raw, {"good": 37, "bad": 7})
    (raw / "good/broken.png").write_bytes(b"no image at all")
    with pytest.raises(SourceError, match=r"good/broken\.png") as error:
        proposed(raw)
    assert "--on-bad-row drop" in str(error.value) and "\n" not in str(error.value)
    _, table = tabulated(raw, proposed(raw, on_bad_row="drop"))
    assert len(table) == 44 and len(table.attrs[DROPPED]) == 1


def test_what_compares_all_rows_is_left_out_of_many_and_facts_say_so(raw):
    assert set(baselines.left_out(6_000, 30)) == {"one_class_svm"}
    assert set(baselines.left_out(200_000, 30)) == {"one_class_svm", "lof", "nearest"}
    assert set(baselines.left_out(50, 64 * 64)) == {"mahalanobis"}
    many = baselines.suited(200_000, 30, "scaled")
    assert many["gammas"] == many["density_neighbours"] == many["neighbours"] == []
    known = np.random.default_rng(0).standard_normal((31, 1_025))
    config = parse(baselines.Config, baselines.suited(31, 1_025, "plain") | {"trees": 3}, "test")
    names = {model for model, _, _ in baselines.scorers(config, known)}
    assert "mahalanobis" not in names and "pca" in names


@pytest.mark.parametrize(
    ("facts", "rows"),
    [({"shape": [2]}, 60), ({"shape": [300]}, 90_000), ({"shape": [128, 128, 3], "side": 128}, 80)],
)
def test_presets_are_complete_and_scored_as_the_baselines(facts, rows):
    family = load_family("novelty_detector")
    preset = family.preset(facts, rows)
    config = parse(family.Config, json.loads(json.dumps(preset.config)), "preset")
    assert config.score == ("plain" if "side" in facts else "scaled")
    assert config.latent < max(2, np.prod(facts["shape"]))
