"""Somebody's pairs of texts: from dirty files, through the door, to a server's answer."""

import json
import unicodedata

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from repertoire.config import ConfigError, parse
from repertoire.data.doors import OptionNeeded
from repertoire.data.sources import Files, SourceError
from repertoire.readers import pair_table
from tests.own.texts import folder
from tests.own.through_stages import prepared, served, trained

COLORS = {"red": "rouge", "green": "vert", "blue": "bleu", "small": "petit", "old": "vieux"}
THINGS = {"house": "maison", "car": "auto", "tree": "arbre", "bird": "oiseau", "lamp": "lampe"}


def pairs(count, seed=3):
    """So many different pairs of one pattern."""
    rng = np.random.default_rng(seed)
    found = {}
    while len(found) < count:
        color, thing = rng.choice(list(COLORS)), rng.choice(list(THINGS))
        number = int(rng.integers(2, 97))
        found[f"I see {number} {color} {thing}s."] = (
            f"je vois {number} {THINGS[thing]}s {COLORS[color]}s."
        )
    return list(found.items())


def tabbed(rows):
    return "\n".join("\t".join(map(str, row)) for row in rows) + "\n"


def understood(raw, **options):
    """The proposal, its facts by name, and the table of the whole."""
    proposal = pair_table.propose(raw, {name.replace("_", "-"): v for name, v in options.items()})
    config = parse(pair_table.Config, proposal.config, "config")
    table = pair_table.tabulate(config, Files({"raw": raw}))
    return proposal, {fact.of: fact.sentence for fact in proposal.facts}, table


def content(table):
    return set(zip(table["source"], table["target"], strict=True))


def test_named_columns_of_a_table_are_told(tmp_path):
    told = pairs(211)
    rows = "\r\n".join(
        ["id,question,answer", *(f'{n},"{s}","{t}"' for n, (s, t) in enumerate(told))]
    )
    proposal, facts, table = understood(folder(tmp_path, a_dot_csv=b"\xef\xbb\xbf" + rows.encode()))
    assert content(table) == set(told) and facts["pairs"].startswith("question → answer")
    assert "variety" in proposal.config["measures"] and proposal.rows == 211
    assert table["split"].value_counts()["train"] > 150


def test_columns_called_after_languages_keep_their_order(tmp_path):
    rows = tabbed([("fr", "score", "en"), *((t, 7, s) for s, t in pairs(151))])
    _, facts, table = understood(folder(tmp_path, a_dot_tsv=rows))
    assert facts["pairs"].startswith("fr → en")
    assert content(table) == {(t, s) for s, t in pairs(151)}


def test_translations_of_json_lines_and_parquet_are_read(tmp_path):
    told = pairs(131)
    lines = "\n".join(json.dumps({"translation": {"en": s, "fr": t}}) for s, t in told)
    _, facts, table = understood(folder(tmp_path, train_dot_jsonl=lines))
    assert content(table) == set(told) and facts["pairs"].startswith("en → fr")
    raw = tmp_path / "b"
    raw.mkdir()
    sources, targets = zip(*told, strict=True)
    parquet.write_table(
        pa.table({"input": sources, "output": targets}), raw / "train-00000.parquet"
    )
    _, _, table = understood(raw)
    assert content(table) == set(told)


def test_three_columns_of_texts_need_an_option(tmp_path):
    rows = tabbed([("alpha", "beta", "gamma"), *((s, t, s + t) for s, t in pairs(127))])
    raw = folder(tmp_path, a_dot_tsv=rows)
    with pytest.raises(OptionNeeded, match="alpha, beta, gamma; say: --source NAME"):
        pair_table.propose(raw, {})
    _, _, table = understood(raw, source="beta", target="alpha")
    assert content(table) == {(t, s) for s, t in pairs(127)}
    with pytest.raises(ConfigError, match="no column 'delta'"):
        pair_table.propose(raw, {"source": "delta", "target": "beta"})


@pytest.mark.parametrize("columns", [2, 3, 4])
def test_tabs_of_tatoeba_have_no_header(tmp_path, columns):
    told = [('He said "hi.', 'Il dit "salut.'), *pairs(151)]
    shapes = {
        2: [(s, t) for s, t in told],
        3: [(s, t, "CC-BY 2.0 (France) Attribution: tatoeba.org #1158250 (CM)") for s, t in told],
        4: [(100 + n, s, 900 + n, t) for n, (s, t) in enumerate(told)],
    }
    raw = folder(tmp_path, fra_dot_txt=tabbed(shapes[columns]), _about_dot_txt="About these files")
    _, facts, table = understood(raw)
    assert content(table) == set(told)
    assert "without a header" in facts["files"] and facts["left out"] == "no pairs in _about.txt"


def test_aligned_files_by_split_are_read_line_by_line(tmp_path):
    told = {split: pairs(n, n) for split, n in (("train", 101), ("val", 11), ("test_2016", 13))}
    files = {
        f"{split}_dot_{side}": "\n".join(pair[at] for pair in rows) + "\n"
        for split, rows in told.items()
        for at, side in enumerate(("en", "fr"))
    }
    raw = folder(tmp_path, **files, README_dot_md="two files")
    with pytest.raises(OptionNeeded, match=r"which side is the source: en or fr; .*--source en"):
        pair_table.propose(raw, {})
    _, facts, table = understood(raw, source="fr", target="en")
    for split, rows in (("train", told["train"]), ("valid", told["val"])):
        assert content(table[table["split"] == split]) == {(t, s) for s, t in rows}
    assert facts["split"] == "by name: train 101, valid 11, test 13"


def test_sides_called_source_and_target_are_told_also_before_the_split(tmp_path):
    told = pairs(113)
    files = {
        f"{side}-train_dot_txt": "\n".join(pair[at] for pair in told)
        for at, side in enumerate(("src", "tgt"))
    }
    _, _, table = understood(folder(tmp_path, **files))
    assert content(table) == set(told) and set(table["split"]) == {"train", "valid", "test"}


def test_unequal_counts_of_lines_are_refused_with_both(tmp_path):
    raw = folder(tmp_path, c_dot_source="a b\n" * 113, c_dot_target="c d\n" * 109)
    with pytest.raises(SourceError, match=r"c.source has 113 lines and c.target has 109"):
        pair_table.propose(raw, {})


def test_rows_without_a_side_are_refused_or_left_out(tmp_path):
    told = [*pairs(103), ("alone", ""), *pairs(107, 5), ("a\0b", "c")]
    raw = folder(tmp_path, a_dot_tsv=tabbed([("source", "target"), *told]))
    with pytest.raises(
        SourceError, match=r"^a.tsv: row 105: no target \(and 1 more.*--on-bad-row drop"
    ):
        pair_table.propose(raw, {})
    _, facts, table = understood(raw, on_bad_row="drop")
    assert content(table) == set(pairs(103)) | set(pairs(107, 5))
    assert facts["unusable"].startswith("2 of 212 rows are left out")


def test_ragged_rows_of_tabs_are_bad_rows(tmp_path):
    raw = folder(tmp_path, a_dot_txt=tabbed([*pairs(103), ("one", "two", "three")]))
    with pytest.raises(SourceError, match=r"^a.txt: row 104: 3 cells where there are 2 columns"):
        pair_table.propose(raw, {})


def test_equal_sources_are_in_one_split_and_equal_pairs_count_once(tmp_path):
    told = [(s, f"{t} {n}") for n in range(3) for s, t in pairs(61)]
    told = [*told, *((s.upper(), t) for s, t in told), *told[:17]]
    raw = folder(tmp_path, a_dot_tsv=tabbed([("source", "target"), *told]))
    _, facts, table = understood(raw)
    assert facts["duplicates"].startswith("17 pairs") and len(table) == 366
    assert table.groupby(table["source"].str.lower())["split"].nunique().max() == 1


def test_sources_that_differ_in_digits_are_different(tmp_path):
    told = [(f"{a}+{b}", str(a + b)) for a in range(17) for b in range(13)]
    raw = folder(tmp_path, a_dot_tsv=tabbed([("source", "target"), *told]))
    proposal, facts, table = understood(raw)
    assert proposal.baseline["rules"] == ["digit_table"] and len(set(table["key"])) == 221
    assert facts["sources"].startswith("character: short texts")
    told = [(f"add {a} to {b}", str(a + b)) for a in range(17) for b in range(13)]
    (raw / "a.tsv").write_text(tabbed([("source", "target"), *told]))
    assert len(set(understood(raw)[2]["key"])) == 221


def test_dates_have_their_rule_and_others_none(tmp_path):
    told = [
        (f"{day} May {year}", f"{year}-05-{day:02}")
        for day in range(1, 20)
        for year in range(1990, 2001)
    ]
    raw = folder(tmp_path, a_dot_tsv=tabbed([("source", "target"), *told]))
    assert pair_table.propose(raw, {}).baseline["rules"] == ["date_rule"]
    (raw / "a.tsv").write_text(tabbed([("source", "target"), *pairs(101)]))
    assert pair_table.propose(raw, {}).baseline["rules"] == []


def test_long_pairs_are_left_out_and_counted(tmp_path):
    told = [*pairs(301), ("long " * 99, "x"), ("y", "long " * 99)]
    raw = folder(tmp_path, a_dot_tsv=tabbed([("source", "target"), *told]))
    _, facts, table = understood(raw)
    assert content(table) == set(pairs(301))
    assert "2 longer pairs are left out" in facts["length"]
    _, _, table = understood(raw, longest="500")
    assert len(table) == 303


def test_test_sources_that_training_has_are_measured_apart(tmp_path):
    header = [("source", "target")]
    raw = folder(
        tmp_path,
        train_dot_tsv=tabbed([*header, *pairs(149)]),
        test_dot_tsv=tabbed([*header, *pairs(149)[:7], *pairs(23, 17)]),
    )
    proposal, facts, table = understood(raw)
    config = parse(pair_table.Config, proposal.config, "config")
    encoded = pair_table.encode(config, table)
    known = set(table.loc[table["split"] == "train", "source"])
    test = table.loc[table["split"] == "test", "source"]
    assert encoded.facts["extras"]["unseen"] == sum(source not in known for source in test)
    assert "repeats" in facts and facts["split"].startswith("by name, valid drawn")


@pytest.mark.parametrize(
    ("source", "target", "levels"),
    [
        (
            "I am number {n} of many people here",
            "저는 여기 {n}번째 사람입니다",
            ("subword", "character"),
        ),
        ("我是这里的第{n}个人", "私は{n}番目です。とても嬉しい", ("character", "character")),
        ("feeling {n} today, what a day", "😀{n}🎉👩‍👩‍👧", ("subword", "character")),
    ],
)
def test_tokens_suit_the_scripts_of_both_sides(tmp_path, source, target, levels):
    rows = [
        (source.format(n=n), unicodedata.normalize("NFD", target.format(n=n))) for n in range(151)
    ]
    proposal, _, table = understood(
        folder(tmp_path, a_dot_tsv=tabbed([("source", "target"), *rows]))
    )
    assert (proposal.config["source"]["level"], proposal.config["target"]["level"]) == levels
    assert target.format(n=7) in set(table["target"])


def test_too_few_pairs_say_how_many_there_are(tmp_path):
    raw = folder(tmp_path, a_dot_tsv=tabbed([("source", "target"), *pairs(23)]))
    with pytest.raises(
        SourceError, match=r"pairs for train, of 23 in all with 23 different sources"
    ):
        pair_table.propose(raw, {})


def test_files_that_hold_no_pairs_are_named(tmp_path):
    raw = folder(tmp_path, notes_dot_txt="no tabs here\nnone at all\n")
    with pytest.raises(SourceError, match=r"no pairs in: notes.txt; give a table"):
        pair_table.propose(raw, {})
    (raw / "notes.txt").unlink()
    (raw / "fra-eng.zip").write_bytes(b"PK\x03\x04")
    with pytest.raises(SourceError, match=r"^fra-eng.zip: an archive.*unpack it"):
        pair_table.propose(raw, {})


def test_pairs_beyond_the_most_are_left_out_of_training_alone(tmp_path):
    raw = folder(tmp_path, a_dot_tsv=tabbed([("source", "target"), *pairs(307)]))
    _, facts, table = understood(raw, pairs="101")
    _, _, whole = understood(raw)
    counts, before = table["split"].value_counts(), whole["split"].value_counts()
    assert counts["train"] == 101 and counts["test"] == before["test"]
    assert facts["used"].startswith("101 pairs of training")


@pytest.mark.slow
def test_pairs_become_a_model_that_translates(tmp_path):
    raw = folder(tmp_path, a_dot_tsv=tabbed([("en", "fr"), *pairs(157)]))
    made = prepared(tmp_path, "pair_table", raw)
    artifact = trained(tmp_path, "seq2seq", made, epochs=2)
    results = json.loads((artifact / "evaluation/results.json").read_text())
    assert {"chrf_percent", "bleu_13a_percent", "beam_4_chrf_percent"} <= set(results["test"])
    with served(artifact) as ask:
        answers = ask("translate", text=["I see 5 red cars.", "日本"], beam=2)["results"]
        assert len(answers) == 2 and all(np.isfinite(answer["log_prob"]) for answer in answers)


@pytest.mark.slow
def test_long_targets_are_written_to_their_end(tmp_path):
    told = [(f"count to {n}", " ".join(map(str, range(n)))) for n in range(17, 117)]
    raw = folder(tmp_path, a_dot_tsv=tabbed([("source", "target"), *told]))
    made = prepared(tmp_path, "pair_table", raw, target_level="spaced", longest="400")
    artifact = trained(tmp_path, "seq2seq", made, epochs=1)
    facts = json.loads((artifact / "manifest.json").read_text())["facts"]
    assert facts["longest_target"] > 100
    with served(artifact) as ask:
        assert ask("translate", text="count to 99")["results"][0]["tokens"] is not None
