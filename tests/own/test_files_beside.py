"""Folders as data sets are published: files that tell about the data, and splits in parts."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from repertoire.config import parse
from repertoire.data.doors import OptionNeeded
from repertoire.data.sources import Files, SourceError
from repertoire.data.splits import splits_of_files
from repertoire.data.tables import is_about, table_files
from repertoire.readers import (
    interaction_table,
    labelled_table,
    load_reader,
    novelty_table,
    series_table,
    text_files,
)
from tests.own import test_interactions, test_labelled_texts, test_novelty, test_series
from tests.own.texts import english

ABOUT = ("README.md", "LICENSE", "dataset_infos.json", "docs/NOTICE.txt")
SAID = "LICENSE, README.md, dataset_infos.json, docs/NOTICE.txt: no table"


@pytest.fixture
def raw(tmp_path):
    """A folder that holds nothing but what tells about its data."""
    for name in (*ABOUT, ".gitattributes"):
        path = tmp_path / "raw" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text('{"rows": 7}\nfile, by, somebody\n')
    return tmp_path / "raw"


def parts(raw, table, test, into=3):
    """Train in so many parquet files and test in one, called as on Hugging Face."""
    (raw / "data").mkdir()
    train = table[~test]
    for number, rows in enumerate(np.array_split(np.arange(len(train)), into)):
        name = f"data/train-{number:05d}-of-{into:05d}.parquet"
        train.iloc[rows].to_parquet(raw / name, index=False)
    table[test].to_parquet(raw / "data/test-00000-of-00001-5f3c0a1b.parquet", index=False)


def said(proposal, of):
    return " ".join(fact.sentence for fact in proposal.facts if fact.of == of)


def tabulated(raw, proposal):
    reader = load_reader(proposal.reader)
    config = parse(reader.Config, proposal.config, "test")
    return reader.tabulate(config, Files({"raw": raw}))


def test_a_table_is_read_whatever_tells_about_it_beside(raw):
    test_novelty.write(raw, test_novelty.payments(), "train.csv")
    (raw / "loading_script.py").write_text("raise SystemExit")
    assert [path.name for path in table_files(raw)] == ["train.csv"]
    (raw / "train.csv").rename(raw / "payments.csv")
    proposal = novelty_table.propose(raw, {})
    told = said(proposal, "ignored")
    assert told == SAID.replace(": no", ", loading_script.py: no")
    assert said(proposal, "files").startswith("payments.csv: CSV")
    assert len(tabulated(raw, proposal)) == test_novelty.ROWS


def test_a_series_is_read_beside_its_description(raw):
    proposal = test_series.proposed(raw, test_series.text(test_series.HOURS, test_series.wave(211)))
    assert isinstance(proposal.config, dict) and len(tabulated(raw, proposal)) == 211
    assert proposal.reader == series_table.__name__.rsplit(".", 1)[-1]


def test_novelty_takes_splits_in_several_files(raw):
    table = test_novelty.payments()
    test = (np.arange(len(table)) % 3 == 0) | (table["is_fraud"] == 1)
    parts(raw, table, test)
    proposal = novelty_table.propose(raw, {})
    found = tabulated(raw, proposal)
    test_novelty.checked(novelty_table, parse(novelty_table.Config, proposal.config, "t"), found)
    counts = found.groupby(["split", "anomaly"]).size()
    assert counts["test", 0] == (test & (table["is_fraud"] == 0)).sum()
    assert counts["train", 0] + counts["valid", 0] == (~test).sum()
    assert proposal.rows == len(table)


def test_labelled_texts_take_splits_in_several_files(raw):
    rows = list(dict.fromkeys(test_labelled_texts.reviews(97)))
    table = pd.DataFrame(rows, columns=["review", "label"])
    parts(raw, table, np.arange(len(rows)) >= 71)
    proposal = labelled_table.propose(raw, {})
    found = tabulated(raw, proposal)
    assert set(found.loc[found["split"] == "test", "text"]) == {text for text, _ in rows[71:]}
    assert said(proposal, "ignored") == SAID


def test_interactions_take_splits_in_several_files(raw):
    table = test_interactions.frame()
    test = np.arange(len(table)) % 5 == 0
    parts(raw, table, test, into=2)
    proposal = interaction_table.propose(raw, {})
    assert proposal.config["layout"]["split"] == "_split"
    assert set(tabulated(raw, proposal)["split"]) == {"train", "valid", "test"}
    assert said(proposal, "ignored") == SAID and proposal.rows == len(table)


def test_running_text_in_a_column_is_not_taken_for_the_description(raw):
    lines = english(307)
    table = pd.DataFrame({"passage": lines})
    parts(raw, table, np.arange(307) >= 251)
    proposal = text_files.propose(raw, {})
    found = tabulated(raw, proposal)
    assert proposal.config["column"] == "passage" and set(found["text"]) <= set(lines)
    assert found.loc[found["split"] == "test", "text"].tolist() == lines[251:]
    assert "README.md" in said(proposal, "ignored")


def test_one_part_that_is_called_train_is_divided_by_shares(raw):
    table = test_novelty.payments()
    table.to_parquet(raw / "train-00000-of-00001.parquet", index=False)
    found = tabulated(raw, novelty_table.propose(raw, {}))
    assert set(found["split"]) == {"train", "valid", "test"} and len(found) == len(table)


@pytest.mark.parametrize("door", [novelty_table, labelled_table, text_files, series_table])
def test_tables_of_two_formats_are_asked_for(raw, door):
    table = test_novelty.payments()
    table.to_csv(raw / "a.csv", index=False)
    table.to_parquet(raw / "b.parquet", index=False)
    with pytest.raises(OptionNeeded, match=r"2 formats: a\.csv, b\.parquet; .*of one format"):
        door.propose(raw, {})


def test_a_folder_without_a_table_names_what_there_is_and_a_spreadsheet_its_remedy(raw):
    with pytest.raises(SourceError, match=r"LICENSE: not a table; there are: CSV"):
        table_files(raw)
    (raw / "a.csv").write_text("a\n1\n")
    (raw / "b.xlsx").write_bytes(b"PK")
    with pytest.raises(SourceError, match=r"b\.xlsx: a spreadsheet; save it as CSV"):
        table_files(raw)


@pytest.mark.parametrize(
    ("names", "splits"),
    [
        (("train.csv", "test.csv"), "train test"),
        (("a/train-00000.csv", "a/train-00001.csv", "a/test_2016.csv"), "train train test"),
        (("train/0.parquet", "validation/0.parquet", "test/0.parquet"), "train valid test"),
        (("imdb_train.csv", "imdb_test.csv"), "train test"),
        (("train-0.csv", "train-1.csv"), "- -"),
        (("sales-test.csv",), "-"),
        (("test/a.csv", "test/b.csv"), "- -"),
        (("train-0.csv", "test-0.csv", "more.csv"), "- - -"),
        (("train.csv", "more.csv"), "train -"),
    ],
)
def test_places_of_files_tell_splits_where_all_do_and_training_is_among_them(names, splits):
    found = splits_of_files([Path("/raw") / name for name in names])
    assert [split or "-" for split in found] == splits.split()


def test_only_names_of_descriptions_are_taken_for_them():
    about = ("README", "readme.txt", "LICENSE.md", "Licence", "CITATION.cff", "dataset_info.json")
    data = ("readme.csv", "license_plates.csv", "licence.parquet", "info.json", "states.json")
    assert [name for name in (*about, *data) if is_about(name)] == list(about)
