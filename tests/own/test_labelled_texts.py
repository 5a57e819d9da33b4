"""Labelled texts: CSV, TSV, JSON Lines, Parquet and folders a class, clean and dirty."""

import csv
import gzip
import json
import random
import re

import pandas as pd
import pytest

from repertoire.config import ConfigError, parse, read_yaml
from repertoire.data.doors import OptionNeeded
from repertoire.data.sources import Files, SourceError
from repertoire.readers import labelled_table
from tests.own.journey import add, run, run_warmed, served

GOOD = ("great", "lovely", "warm", "fresh", "kind", "quick", "tasty", "bright")
BAD = ("awful", "stale", "cold", "rude", "slow", "dirty", "bland", "broken")
THINGS = ("soup", "bread", "coffee", "waiter", "table", "room", "music", "price", "tea", "fish")


def reviews(count, seed=5):
    """Made-up reviews whose adjectives decide the label."""
    rng = random.Random(seed)
    rows = []
    for number in range(count):
        good = number % 2 == 0
        words = [rng.choice(THINGS), rng.choice(GOOD if good else BAD), rng.choice(THINGS)]
        text = f"the {words[0]} was {words[1]} and so was the {words[2]} on day {number}"
        rows.append(
            (
                text.replace(str(number), rng.choice(THINGS) + " " + rng.choice(THINGS)),
                "good" if good else "bad",
            )
        )
    return rows


def write_csv(path, rows, header=("review", "label"), encoding="utf-8", **more):
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file, **more).writerows([header, *rows])
    return path


def proposed(tmp_path, options=None):
    """The proposal for what lies in tmp_path/raw, and its table."""
    return labelled_table.propose(tmp_path / "raw", options or {})


def tabulated(tmp_path, proposal):
    config = parse(labelled_table.Config, _plain(proposal.config), "test")
    return labelled_table.tabulate(config, Files({"raw": tmp_path / "raw"}))


def _plain(value):
    return json.loads(json.dumps(value))


@pytest.fixture
def raw(tmp_path):
    (tmp_path / "raw").mkdir()
    return tmp_path / "raw"


def test_a_csv_file_becomes_a_served_classifier_in_two_commands(tmp_path):
    """The very commands of `make add` and `make repro`, each in a process of its own."""
    path = write_csv(tmp_path / "reviews.csv", reviews(211))
    words = ("reviews", path, "--family", "classifier", "--minutes", "0.2")
    said = run(tmp_path, "-m", "pipelines.add", *words)
    assert said.returncode == 0, said.stderr
    assert "column 'review', the only one that holds text" in said.stdout
    again = ("-m", "pipelines.warm", "dvc", "repro", "evaluate@reviews")
    done = run(tmp_path / "own", *again)
    assert done.returncode == 0, done.stdout + done.stderr
    artifacts = tmp_path / "own/artifacts/reviews"
    with served(artifacts.parent) as client:
        body = {"text": "the soup was lovely"}
        answer = client.post("/v1/models/reviews/classify", json=body).json()
    assert answer["results"][0]["label"] == "good"
    manifest = json.loads((artifacts / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["facts"]["origin"] == "reviews.csv"


def test_dvc_notices_a_changed_raw_file_and_prepares_its_data_set_anew(tmp_path):
    for name, count in (("one", 61), ("two", 67)):
        path = write_csv(tmp_path / f"{name}.csv", reviews(count))
        said = add(tmp_path, name, path, "--family", "classifier", "--minutes", "0.05")
        assert said.returncode == 0, said.stderr
    own = tmp_path / "own"
    repro = ("-m", "pipelines.warm", "dvc", "repro", "prepare")
    first = run_warmed(own, *repro)
    assert first.returncode == 0, first.stdout + first.stderr
    with (own / "raw/one/one.csv").open("a", encoding="utf-8") as file:
        file.write("a wholly new and lovely soup,good\n")
    assert "raw/one" in run_warmed(own, "-m", "dvc", "status").stdout
    again = run_warmed(own, *repro).stdout
    assert "Running stage 'prepare@one'" in again
    assert "Running stage 'prepare@two'" not in again


def test_dry_run_prints_and_writes_nothing(tmp_path):
    path = write_csv(tmp_path / "reviews.csv", reviews(53))
    said = add(tmp_path, "reviews", path, "--family", "classifier", "--dry-run")
    assert said.returncode == 0 and "nothing was written" in said.stdout
    assert sorted(p.name for p in tmp_path.iterdir()) == ["reviews.csv"]


def test_two_columns_of_text_ask_for_the_option_and_exit_with_2(tmp_path):
    rows = [(text, text[::-1], label) for text, label in reviews(53)]
    path = write_csv(tmp_path / "a.csv", rows, ("title", "body", "label"))
    said = add(tmp_path, "reviews", path, "--family", "classifier")
    assert said.returncode == 2
    assert said.stderr.strip() == (
        "add: 2 columns could be the text: title, body; say which: --text title"
    )
    assert not (tmp_path / "own").exists()


def test_what_cannot_be_added_leaves_nothing_behind(tmp_path):
    path = write_csv(tmp_path / "a.csv", [("a text of no class at all", ""), *reviews(53)])
    said = add(tmp_path, "a", path, "--family", "classifier")
    assert said.returncode == 2 and said.stderr.count("\n") == 1
    assert "--on-bad-row" in said.stderr and not (tmp_path / "own").exists()


def test_a_name_that_is_taken_is_refused(tmp_path):
    path = write_csv(tmp_path / "a.csv", reviews(53))
    said = add(tmp_path, "lstm", path, "--family", "classifier")
    assert said.returncode == 1 and "choose another name" in said.stderr


def test_the_written_block_is_complete_and_in_the_form_of_dvcs_writer(tmp_path):
    path = write_csv(tmp_path / "a.csv", reviews(53))
    assert add(tmp_path, "a", path, "--family", "classifier").returncode == 0
    params = read_yaml(tmp_path / "own/params.yaml")
    assert params["recipes"]["a"]["gate"]["baseline"] == "strongest"
    assert params["datasets"]["a"]["config"]["classes"] == ["bad", "good"]
    text = (tmp_path / "own/params.yaml").read_text(encoding="utf-8")
    result = run_warmed(
        tmp_path / "own",
        "-c",
        ("from dvc.utils.serialize import modify_yaml\nwith modify_yaml('params.yaml'): pass\n"),
    )
    assert result.returncode == 0
    assert (tmp_path / "own/params.yaml").read_text(encoding="utf-8") == text


@pytest.mark.parametrize(
    ("encoding", "said"),
    (
        ("utf-8-sig", "UTF-8 with a byte-order mark"),
        ("utf-16", "UTF-16"),
        ("cp1252", "CP1252 by its letters (--encoding corrects it)"),
    ),
)
def test_texts_are_the_same_in_any_encoding(raw, tmp_path, encoding, said):
    rows = [(f"café {text}", label) for text, label in reviews(53)]
    write_csv(raw / "a.csv", rows, encoding=encoding)
    proposal = proposed(tmp_path)
    assert any(fact.sentence == f"CSV, {said}" for fact in proposal.facts)
    assert set(tabulated(tmp_path, proposal)["text"]) == {text for text, _ in rows}


def test_korean_in_cp949_and_decomposed_letters_are_read_as_composed(raw, tmp_path):
    import unicodedata

    rows = [
        (f"영화 {n} 정말 {('싫어요', '좋아요')[n % 2]} 배우 {n}", str(n % 2)) for n in range(61)
    ]
    write_csv(raw / "a.csv", [(unicodedata.normalize("NFD", t), y) for t, y in rows])
    table = tabulated(tmp_path, proposed(tmp_path))
    assert set(table["text"]) <= {text for text, _ in rows}
    write_csv(raw / "a.csv", rows, encoding="cp949")
    assert set(tabulated(tmp_path, proposed(tmp_path))["text"]) <= {text for text, _ in rows}


def test_quoted_line_breaks_and_line_separators_stay_within_their_text(raw, tmp_path):
    rows = reviews(53)
    rows[0] = ("first line\r\nsecond line", "good")
    rows[1] = ("one\u2028two\u0085three", "bad")
    write_csv(raw / "a.csv", rows, quoting=csv.QUOTE_ALL)
    table = tabulated(tmp_path, proposed(tmp_path))
    assert {"first line second line", "one two three"} <= set(table["text"])


@pytest.mark.parametrize("suffix", (".tsv", ".jsonl", ".parquet", ".csv.gz"))
def test_every_format_gives_the_same_texts(raw, tmp_path, suffix):
    rows = reviews(53)
    frame = pd.DataFrame(rows, columns=["review", "label"])
    path = raw / f"a{suffix}"
    if suffix == ".parquet":
        frame.to_parquet(path)
    elif suffix == ".jsonl":
        frame.to_json(path, orient="records", lines=True, force_ascii=False)
    elif suffix == ".tsv":
        write_csv(path, rows, delimiter="\t")
    else:
        with gzip.open(path, "wt", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([("review", "label"), *rows])
    assert set(tabulated(tmp_path, proposed(tmp_path))["text"]) == {text for text, _ in rows}


def test_a_folder_a_class_is_read(raw, tmp_path):
    for number, (text, label) in enumerate(reviews(53)):
        (raw / label).mkdir(exist_ok=True)
        (raw / label / f"{number}.txt").write_text(text, encoding="utf-8")
    (raw / "good/.hidden.txt").write_text("hidden", encoding="utf-8")
    table = tabulated(tmp_path, proposed(tmp_path))
    assert set(table["label"]) == {"good", "bad"}
    assert set(table["text"]) == {text for text, _ in reviews(53)}


def test_files_called_by_splits_are_the_splits_and_repeats_leave_training(raw, tmp_path):
    rows = list(dict.fromkeys(reviews(97)))
    write_csv(raw / "train.csv", rows[:71])
    write_csv(raw / "test.csv", rows[60:])
    table = tabulated(tmp_path, proposed(tmp_path))
    test = set(table.loc[table["split"] == "test", "text"])
    assert test == {text for text, _ in rows[60:]}
    assert not test & set(table.loc[table["split"] != "test", "text"])
    assert {"train", "valid"} <= set(table["split"])


def test_a_bad_row_is_refused_with_its_number_or_left_out_and_listed(raw, tmp_path):
    rows = reviews(53)
    path = write_csv(raw / "a.csv", rows)
    lines = path.read_text(encoding="utf-8").split("\n")
    lines[7] += ",surplus"
    lines[11] = ",good"
    path.write_text("\n".join(lines), encoding="utf-8", newline="")
    with pytest.raises(SourceError, match=r"a\.csv: row 8: 3 cells.*1 more.*--on-bad-row drop"):
        proposed(tmp_path)
    table = tabulated(tmp_path, proposed(tmp_path, {"on-bad-row": "drop"}))
    assert {(row["row"], row["file"]) for row in table.attrs["dropped"]} == {
        (8, "a.csv"),
        (12, "a.csv"),
    }


def test_dropped_rows_are_counted_once_and_classes_are_those_of_the_others(raw, tmp_path):
    rows = reviews(53)
    write_csv(raw / "a.csv", [*rows, ("", "good"), ("", "bad"), ("a soup of no class", "")])
    path = raw / "a.csv"
    path.write_text(path.read_text(encoding="utf-8") + "x,good,surplus\n", encoding="utf-8")
    facts = {f.of: f.sentence for f in proposed(tmp_path, {"on-bad-row": "drop"}).facts}
    assert facts["unusable"].startswith("4 of 57 rows are left out")
    counts = re.findall(r"(?:bad|good) (\d+)", facts["classes"])
    assert len(counts) == 2 and sum(map(int, counts)) == 53


def test_more_dropped_rows_than_allowed_are_refused(raw, tmp_path):
    write_csv(raw / "a.csv", [*reviews(53), *[("", "good")] * 3])
    config = {**proposed(tmp_path, {"on-bad-row": "drop"}).config}
    config["bad_rows"] = {"on_bad_row": "drop", "largest_share": 0.01}
    parsed = parse(labelled_table.Config, _plain(config), "test")
    with pytest.raises(SourceError, match=r"3 of \d+ rows cannot be used, more than the 1 %"):
        labelled_table.tabulate(parsed, Files({"raw": tmp_path / "raw"}))


def test_a_quotation_mark_that_never_closes_is_told(raw, tmp_path):
    path = write_csv(raw / "a.csv", reviews(53))
    text = path.read_text(encoding="utf-8").replace("the ", '"the ', 1)
    path.write_text(text, encoding="utf-8", newline="")
    with pytest.raises(SourceError, match="quotation mark that is never closed"):
        proposed(tmp_path)


def test_doubled_headers_and_unknown_columns_are_told(raw, tmp_path):
    write_csv(raw / "a.csv", reviews(53), ("label", "label"))
    with pytest.raises(SourceError, match="two columns are called 'label'"):
        proposed(tmp_path)
    write_csv(raw / "a.csv", reviews(53))
    with pytest.raises(ConfigError, match="--text body: no such column; there are: review, label"):
        proposed(tmp_path, {"text": "body"})


def test_a_class_that_is_too_rare_to_test_is_a_bad_row(raw, tmp_path):
    write_csv(raw / "a.csv", [*reviews(53), ("a single odd text of its own", "odd")])
    with pytest.raises(SourceError, match="row 55: a label that is not one of the classes"):
        proposed(tmp_path)


def test_every_class_of_many_is_in_every_split(raw, tmp_path):
    rows = [(f"text {n} of the topic number {n % 101}", f"topic {n % 101}") for n in range(707)]
    write_csv(raw / "a.csv", rows)
    table = tabulated(tmp_path, proposed(tmp_path))
    assert (table.groupby("split")["label"].nunique() == 101).all()


def test_a_file_without_a_header_is_read_with_named_columns(raw, tmp_path):
    path = raw / "a.tsv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter="\t").writerows((label, text) for text, label in reviews(53))
    table = tabulated(tmp_path, proposed(tmp_path, {"columns": "kind,text"}))
    assert set(table["label"]) == {"good", "bad"}


def test_numbers_and_booleans_are_labels_too(raw, tmp_path):
    frame = pd.DataFrame({"text": [t for t, _ in reviews(53)], "stars": [1.0, 2.0] * 26 + [1.0]})
    frame.to_parquet(raw / "a.parquet")
    assert set(tabulated(tmp_path, proposed(tmp_path))["label"]) == {"1", "2"}


def test_no_label_column_asks_for_it(raw, tmp_path):
    write_csv(raw / "a.csv", [(t, str(n)) for n, (t, _) in enumerate(reviews(53))], ("t", "id"))
    with pytest.raises(OptionNeeded, match="--label"):
        proposed(tmp_path)
