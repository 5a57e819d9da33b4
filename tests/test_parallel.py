"""Published pairs of texts: files in their official forms, splits, and questions beyond them."""

import csv
import gzip
import zipfile
from datetime import date

import numpy as np
import pytest

from repertoire.config import ConfigError, RepertoireError, parse
from repertoire.data.sources import Files, SourceError
from repertoire.data.splits import identity
from repertoire.data.text import END, PAD, UNKNOWN, text_encoding
from repertoire.readers import parallel
from repertoire.readers.dates import FORMATS
from repertoire.readers.helpers.texts.probes import OTHER_FORMATS, PROBES
from repertoire.runtime.text import Encoding

SIDE = {"level": "character", "lowercase": False, "vocabulary": 50, "longest": 40}
BASE = {
    "delimiter": "_",
    "columns": ["question", "answer"],
    "member": "",
    "sides": ["question", "answer"],
    "seed": 3,
    "valid_share": 0.02,
    "test_share": 0.1,
    "apart": False,
    "probes": [],
    "measures": [],
    "source": SIDE,
    "target": SIDE,
}


def tabulated(files, **changes):
    config = parse(parallel.Config, {**BASE, **changes}, "parallel")
    return config, parallel.tabulate(config, Files(files))


def pairs(table):
    return list(zip(table["source"], table["target"], strict=True))


def sums(folder, count):
    path = folder / "addition.txt"
    rows = [(f"{n}+{2 * n}", str(3 * n)) for n in range(count)]
    path.write_text("".join(f"{question:7}_{answer:4}\n" for question, answer in rows))
    return {"pairs": path}, rows


def test_an_answer_stands_behind_its_question(tmp_path):
    files, rows = sums(tmp_path, 499)
    assert pairs(tabulated(files)[1]) == rows


def test_sides_are_columns_of_a_file_within_an_archive(tmp_path):
    with zipfile.ZipFile(tmp_path / "kor-eng.zip", "w") as archive:
        archive.writestr("_about.txt", "not these")
        archive.writestr("kor.txt", 'Go.\t가.\tby a\nSay "hi".\t"안녕"이라고 해.\tby b\n')
    files = {"pairs": tmp_path / "kor-eng.zip"}
    columns = {"delimiter": "\t", "columns": ["eng", "kor", "by"], "member": "kor.txt"}
    _, table = tabulated(files, **columns, sides=["eng", "kor"])
    assert pairs(table) == [("Go.", "가."), ('Say "hi".', '"안녕"이라고 해.')]
    _, turned = tabulated(files, **columns, sides=["kor", "eng"])
    assert pairs(turned) == [(target, source) for source, target in pairs(table)]


def test_a_first_line_may_name_the_columns(tmp_path):
    (tmp_path / "chat.csv").write_text(
        '\ufeffQ,A,label\n12시 땡!,"하루가, 또 가네요.",0\n', "utf-8"
    )
    changes = {"delimiter": ",", "columns": [], "sides": ["Q", "A"]}
    _, table = tabulated({"pairs": tmp_path / "chat.csv"}, **changes)
    assert pairs(table) == [("12시 땡!", "하루가, 또 가네요.")]


def test_lines_of_two_files_belong_together_and_the_files_are_the_splits(tmp_path):
    files = {}
    for split, count in (("train", 7), ("valid", 3), ("test", 2)):
        for side in ("de", "en"):
            files[f"{split}_{side}"] = path = tmp_path / f"{split}.{side}.gz"
            path.write_bytes(gzip.compress("".join(f"{side} {n}\n" for n in range(count)).encode()))
    changes = {"delimiter": "", "columns": [], "sides": ["en", "de"]}
    _, table = tabulated(files, **changes)
    assert table["split"].value_counts().to_dict() == {"train": 7, "valid": 3, "test": 2}
    assert pairs(table[table["split"] == "valid"]) == [(f"en {n}", f"de {n}") for n in range(3)]
    files["test_de"].write_bytes(gzip.compress(b"de 0\n"))
    with pytest.raises(SourceError, match="not of as many lines"):
        tabulated(files, **changes)


def test_what_is_missing_is_named(tmp_path):
    files, _ = sums(tmp_path, 5)
    files["pairs"].write_text("1+2\n")
    with pytest.raises(SourceError, match="line 1 lacks question or answer"):
        tabulated(files)
    with pytest.raises(RepertoireError, match="no 'verse'"):
        tabulated(files, probes=["verse"])
    with pytest.raises(ConfigError, match="delimiter"):
        tabulated(files, delimiter=";")


def test_rows_are_shuffled_and_cut_to_exact_shares(tmp_path):
    _, table = tabulated(sums(tmp_path, 500)[0])
    assert table["split"].value_counts().to_dict() == {"train": 440, "valid": 10, "test": 50}
    assert table["split"].head(100).nunique() == 3


def test_sources_that_differ_in_case_or_signs_alone_stay_together(tmp_path):
    path = tmp_path / "pairs.tsv"
    words = ["ant", "bee", "cat", "dog", "elk", "fox", "gnu", "hen"]
    rows = [f"{a} {b}{end}\t{n}" for a in words for b in words for n, end in enumerate(".!?")]
    path.write_text("\n".join(rows))
    changes = {"delimiter": "\t", "columns": ["a", "b"], "sides": ["a", "b"], "apart": True}
    config, table = tabulated({"pairs": path}, **changes)
    split_of = table.groupby(table["source"].map(identity))["split"].nunique()
    assert len(split_of) == 64 and split_of.max() == 1
    assert "extras" not in parallel.encode(config, table).facts


def test_test_sources_that_training_does_not_hold_are_measured_too(tmp_path):
    path = tmp_path / "date.txt"
    path.write_text("".join(f"{n % 300}_{n % 300}\n" for n in range(500)))
    config, table = tabulated({"pairs": path})
    encoded = parallel.encode(config, table)
    unseen = encoded.texts["unseen"]["source"]
    assert 0 < len(unseen) < 50 and encoded.facts["extras"] == {"unseen": len(unseen)}
    assert not set(unseen) & set(encoded.texts["train"]["source"])
    assert len(encoded.arrays["unseen"]["source"]) == len(unseen)


def test_probes_are_right_and_not_of_the_published_form():
    questions = PROBES["longer_terms"](np.random.default_rng(0))
    assert {len(term) for q, _ in questions for term in q.split("+")} == {4}
    assert all(sum(map(int, q.split("+"))) == int(answer) for q, answer in questions)
    for written, iso in PROBES["other_formats"](np.random.default_rng(0)):
        assert written in {FORMATS[name](date.fromisoformat(iso)) for name in OTHER_FORMATS}


def subwords(texts, size):
    return text_encoding(texts, "subword", size, (PAD, END, UNKNOWN), False, "whole")


def test_subwords_give_back_the_text_they_were_made_of():
    texts = ["Ein Mann, der läuft.", "Ein Boston-Terrier läuft!", "그는 달린다."] * 5
    content = subwords(texts, 60)
    encoding = Encoding.parse(content)
    assert [encoding.text(encoding.ids(text)) for text in texts] == texts
    assert content == subwords(texts, 60) and len(content["tokenizer"]["model"]["vocab"]) <= 60
    assert list(content["tokenizer"]["model"]["vocab"])[:3] == [PAD, END, UNKNOWN]
    assert "▁läuft" in encoding.tokenizer.encode("er läuft.").tokens


def test_a_text_cannot_spell_a_special_token():
    encoding = Encoding.parse(subwords(["<eos> <pad> abc"] * 3, 40))
    assert not {0, 1, 2} & set(encoding.ids("<eos> <pad> abc"))
    assert 2 in encoding.ids("漢")


def test_a_quoted_line_break_and_a_line_separator_end_no_row(tmp_path):
    path = tmp_path / "chat.csv"
    rows = [("how are\r\nyou", "well\u2028thanks"), ("what\x0bis it", "a\x1cbook")]
    rows += [(f"question {n}", f"answer {n}") for n in range(53)]
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL).writerows([("question", "answer"), *rows])
    found = pairs(tabulated({"pairs": path}, delimiter=",", columns=[])[1])
    cleaned = [tuple(" ".join(text.split()) for text in row) for row in rows]
    assert found == cleaned and cleaned[0] == ("how are you", "well thanks")
