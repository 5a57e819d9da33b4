"""Somebody's running text: from dirty files, through the door, to a server's answer."""

import gzip
import re
import unicodedata

import numpy as np
import pytest

from repertoire.config import ConfigError, parse
from repertoire.data.doors import OptionNeeded
from repertoire.data.sources import Files, SourceError
from repertoire.readers import text_files
from tests.own.texts import english, folder
from tests.own.through_stages import prepared, served, trained


def understood(raw, **options):
    """The proposal, its facts by name, and the table of the whole."""
    proposal = text_files.propose(raw, {name.replace("_", "-"): v for name, v in options.items()})
    config = parse(text_files.Config, proposal.config, "config")
    table = text_files.tabulate(config, Files({"raw": raw}))
    return proposal, {fact.of: fact.sentence for fact in proposal.facts}, table


def lines_of(table, split):
    return table.loc[table["split"] == split, "text"].tolist()


def test_the_end_of_one_text_is_held_out_in_its_order(tmp_path):
    told = english(101)
    proposal, facts, table = understood(folder(tmp_path, book_dot_txt=told))
    assert table["text"].tolist() == told
    assert table["split"].tolist() == sorted(table["split"], key=["train", "valid", "test"].index)
    assert facts["split"].startswith("the end of each file: train 79.4 %")
    assert (proposal.config["splits"], proposal.rows) == ("ends", 101)


def test_files_called_by_splits_decide_and_others_are_left_out(tmp_path):
    wiki = {f"wiki_dot_{s}_dot_tokens": english(n, n) for s, n in (("train", 53), ("valid", 7))}
    raw = folder(tmp_path, **wiki, sub__test_dot_txt=english(11, 11), README="A corpus.")
    _, facts, table = understood(raw)
    assert table["split"].value_counts().to_dict() == {"train": 53, "test": 11, "valid": 7}
    assert "README" in facts["left out"] and "README" not in set(table["file"])


def test_training_gives_its_end_to_a_validation_that_is_not_there(tmp_path):
    raw = folder(tmp_path, train_dot_txt=english(97), test_dot_txt=english(13, 5))
    _, facts, table = understood(raw)
    assert lines_of(table, "valid") == english(97)[-len(lines_of(table, "valid")) :]
    assert len(lines_of(table, "test")) == 13 and "valid is the end" in facts["split"]


def test_a_test_file_without_a_training_file_is_refused(tmp_path):
    raw = folder(tmp_path, book_dot_txt=english(53), test_dot_txt=english(13))
    with pytest.raises(SourceError, match=r"^test.txt: called after the split test.*train\.txt"):
        text_files.propose(raw, {})


def test_many_files_are_held_out_whole_and_chapters_are_in_order(tmp_path):
    books = {f"chapter{n}_dot_txt": english(17, n) for n in range(1, 14)}
    _, facts, table = understood(folder(tmp_path, **books))
    assert table.groupby("file")["split"].nunique().max() == 1
    assert facts["split"].startswith("whole files")
    train = [name for name in table["file"].unique() if name.startswith("chapter")]
    by_split = table.drop_duplicates("file").groupby("split")["file"].apply(list)
    for names in by_split:
        numbers = [int(re.findall(r"\d+", name)[0]) for name in names]
        assert numbers == sorted(numbers)
    assert len(train) == 13 and set(by_split.index) == {"train", "valid", "test"}


@pytest.mark.parametrize(
    ("encoding", "said", "line"),
    [
        ("utf-8-sig", "UTF-8 with a byte-order mark", "Çığ café — naïve Zoë “quoted” text"),
        ("utf-16", "UTF-16", "Çığ café — naïve Zoë “quoted” text"),
        ("cp1252", "CP1252", "Le café crème coûte très cher à Besançon, près du château"),
        ("cp949", "CP949", "안녕하세요 여러분, 오늘은 날씨가 매우 좋습니다"),
    ],
)
def test_encodings_are_told_by_the_bytes(tmp_path, encoding, said, line):
    told = [f"{line} {n}." for n in range(67)]
    _, facts, table = understood(folder(tmp_path, a_dot_txt="\r\n".join(told).encode(encoding)))
    assert table["text"].tolist() == told and facts["encoding"] == said


def test_an_encoding_can_be_named(tmp_path):
    told = ["Żółć i gęś " * 3] * 61
    raw = folder(tmp_path, a_dot_txt="\n".join(told).encode("iso8859-2"))
    _, _, table = understood(raw, encoding="iso8859-2")
    assert table["text"][0] == told[0]
    with pytest.raises(SourceError, match="no encoding 'latin9000'"):
        text_files.propose(raw, {"encoding": "latin9000"})


def test_line_breaks_of_all_kinds_and_letters_in_parts_become_plain(tmp_path):
    korean = unicodedata.normalize("NFD", "한국어 문장입니다")
    told = [*english(41), korean, "page one\fpage two", "one\u2028two", "old\rmac", *english(31, 7)]
    _, facts, table = understood(folder(tmp_path, a_dot_txt="\ufeff" + "\r\n".join(told)))
    middle = table["text"].tolist()[41:46]
    assert middle == ["한국어 문장입니다", "page one\npage two", "one\ntwo", "old", "mac"]
    assert "NFC" in facts["Unicode"] and facts["breaks"].startswith("2 form feeds")


def test_damage_is_refused_with_its_line_and_left_out_when_asked(tmp_path):
    told = [*english(37), "a zero \0 byte", *english(41, 5), "damaged \ufffd sign"]
    raw = folder(tmp_path, a_dot_txt=told)
    with pytest.raises(
        SourceError, match=r"^a.txt: row 38: .*U\+0000.*and 1 more.*--on-bad-row drop"
    ):
        text_files.propose(raw, {})
    proposal, facts, table = understood(raw, on_bad_row="drop")
    assert len(table) == 78 and facts["unusable"].startswith("2 of 80 rows are left out")
    config = parse(text_files.Config, proposal.config, "config")
    assert config.bad_rows.on_bad_row == "drop"
    assert [row["row"] for row in table.attrs["dropped"]] == [38, 80]


def test_a_line_without_end_is_cut_at_spaces(tmp_path):
    words = " ".join(english(211))
    proposal, facts, table = understood(folder(tmp_path, a_dot_txt=words))
    longest = proposal.config["longest_line"]
    assert table["characters"].max() <= longest < len(words)
    assert " ".join(text.strip() for text in table["text"]) == words
    assert facts["lengths"].startswith("1 of more than 2,000")


def test_lines_that_training_has_are_dropped_from_what_is_held_out(tmp_path):
    known = "This very long licence header stands at the head of each file of the collection."
    told = [*english(61), known, *english(61, 5), known, "Exeunt."]
    raw = folder(tmp_path, a_dot_txt=told)
    _, facts, table = understood(raw)
    assert (table["text"] == known).sum() == 1 and (table["text"] == "Exeunt.").sum() == 1
    assert "1 held-out lines" in facts["repeats"]
    _, _, kept = understood(raw, known_lines="keep")
    assert (kept["text"] == known).sum() == 2 and kept.loc[
        kept["text"] == known, "key"
    ].isna().all()


def test_what_is_no_text_is_named_with_a_remedy(tmp_path):
    (tmp_path / "a").mkdir()
    for name, content, said in (
        ("paper.pdf", b"%PDF-1.7 ...", "pdftotext"),
        ("letter.docx", b"PK\x03\x04....", "save it as plain text"),
        ("page.html", b"<!DOCTYPE html><p>Hi</p>", "save the text alone"),
        ("note.txt", b"{\\rtf1 hello}", "rich text"),
    ):
        path = tmp_path / "a" / name
        path.write_bytes(content)
        with pytest.raises(SourceError, match=f"^{name}: .*{said}"):
            text_files.propose(tmp_path / "a", {})
        path.unlink()
    with pytest.raises(SourceError, match="holds no text file"):
        text_files.propose(tmp_path / "a", {})


def test_hidden_and_empty_files_are_passed_over(tmp_path):
    raw = folder(tmp_path, a_dot_txt=english(53), _dot_DS_Store=b"\0\1", empty_dot_txt="")
    (raw / "__MACOSX").mkdir()
    (raw / "__MACOSX" / "._a.txt").write_bytes(b"\0\5\x16\x07")
    _, facts, table = understood(raw)
    assert len(table) == 53 and facts["empty"] == "no text in empty.txt"


def test_too_little_text_says_how_much_is_needed(tmp_path):
    raw = folder(tmp_path, a_dot_txt=english(5))
    with pytest.raises(SourceError, match=r"characters of text for train; at least 1,000"):
        text_files.propose(raw, {})
    (raw / "a.txt").write_text(" \n" * 2000)
    with pytest.raises(SourceError, match="0 characters of text for train"):
        text_files.propose(raw, {})
    (raw / "a.txt").write_text(
        "one line that comes again and again, of more than sixty signs\n" * 99
    )
    with pytest.raises(SourceError, match=r"for valid without \d+ lines.*--known-lines keep"):
        text_files.propose(raw, {})


def test_a_packed_file_is_unpacked(tmp_path):
    packed = gzip.compress("\n".join(english(53)).encode())
    _, _, table = understood(folder(tmp_path, a_dot_txt_dot_gz=packed))
    assert table["text"].tolist() == english(53)


def test_a_column_of_a_table_holds_documents(tmp_path):
    rows = [f'{n},"{line}\n{line}"' for n, line in enumerate(english(101))]
    raw = folder(tmp_path, a_dot_csv="\n".join(["id,review", *rows]))
    proposal, facts, table = understood(raw)
    assert proposal.config["column"] == "review" and proposal.rows == 101
    assert set(table["text"]) == {f"{line}\n{line}" for line in english(101)}
    assert "'review'" in facts["text"] and facts["split"].startswith("rows drawn")
    assert table.groupby("text")["split"].nunique().max() == 1


def test_two_columns_of_texts_need_an_option_and_an_empty_cell_is_a_bad_row(tmp_path):
    rows = [f"{line}\t{line}" for line in english(101)]
    raw = folder(tmp_path, a_dot_tsv="\n".join(["title\tbody", *rows, "a title alone\t"]))
    with pytest.raises(OptionNeeded, match="title, body; say which: --text title"):
        text_files.propose(raw, {})
    with pytest.raises(SourceError, match=r"^a.tsv: row 103: no text"):
        text_files.propose(raw, {"text": "body"})
    with pytest.raises(ConfigError, match="no column 'abstract'; there are: title, body"):
        text_files.propose(raw, {"text": "abstract"})
    _, _, table = understood(raw, text="title")
    assert len(table) == 102


def test_a_json_array_is_refused_with_a_remedy(tmp_path):
    raw = folder(tmp_path, a_dot_json='[{"text": "one"}, {"text": "two"}]')
    with pytest.raises(SourceError, match=r"^a.json: .*write one .*object a line"):
        text_files.propose(raw, {})


def test_a_column_called_split_decides(tmp_path):
    rows = [f"{line},{'dev' if n % 5 == 0 else 'train'}" for n, line in enumerate(english(211))]
    raw = folder(tmp_path, a_dot_csv="\n".join(["text,split", *rows, f"{english(1)[0]},nowhere"]))
    with pytest.raises(SourceError, match="row 213: 'nowhere' names no split"):
        text_files.propose(raw, {})
    (raw / "a.csv").write_text("\n".join(["text,split", *rows]))
    _, _, table = understood(raw)
    assert (table["split"] == "valid").sum() == 43 and (table["split"] == "test").any()


@pytest.mark.parametrize(
    ("line", "level"),
    [
        ("我们今天去公园散步，天气非常好。{n}", "character"),
        ("오늘은 날씨가 좋아서 공원에 갔습니다. {n}", "character"),
        ("The weather is fine <unk> so we went for a walk {n}", "spaced"),
        ("😀🎉 party {n} 👩‍👩‍👧", "character"),
    ],
)
def test_tokens_suit_the_script(tmp_path, line, level):
    raw = folder(tmp_path, a_dot_txt=[line.format(n=n) for n in range(151)])
    proposal, _, table = understood(raw)
    assert proposal.config["text"]["level"] == level
    config = parse(text_files.Config, proposal.config, "config")
    encoded = text_files.encode(config, table)
    assert encoded.facts["unknown_share_test"] < 0.2 and encoded.facts["prompt"]


def test_much_text_is_cut_into_words_and_unknown_forms_into_subwords(tmp_path):
    raw = folder(tmp_path, a_dot_txt=english(23_011))
    proposal, facts, _ = understood(raw)
    assert proposal.config["text"]["level"] == "word"
    assert "enough to learn them" in facts["tokens"]
    rng = np.random.default_rng(5)
    forms = ["".join(rng.choice(list("aeiklmnoprstu"), 7)) for _ in range(130_011)]
    rows = [" ".join(forms[n : n + 10]) for n in range(0, 130_000, 10)]
    (raw / "a.txt").write_text("\n".join(rows))
    assert text_files.propose(raw, {}).config["text"]["level"] == "subword"


def test_wrong_options_are_named(tmp_path):
    raw = folder(tmp_path, a_dot_txt=english(101))
    for options, said in (
        ({"level": "letters"}, "none of: word"),
        ({"vocabulary": "many"}, "whole number"),
        ({"lowercase": "perhaps"}, "yes or no"),
        ({"valid-share": "2"}, "between 0 and 1"),
        ({"on-bad-row": "skip"}, "fail or drop"),
    ):
        with pytest.raises(ConfigError, match=said):
            text_files.propose(raw, options)


def test_a_large_file_is_looked_at_in_part_and_used_up_to_a_limit(tmp_path):
    raw = folder(tmp_path, a_dot_txt=english(40_013))
    size = (raw / "a.txt").stat().st_size
    proposal, facts, table = understood(raw, megabytes="1")
    assert size > 1.3 * 10**6 and table["characters"].sum() <= 10**6
    assert "beginning of each file, 1.0 MB" in facts["used"]
    assert abs(proposal.rows - len(table)) < 0.05 * len(table)


@pytest.mark.slow
@pytest.mark.parametrize("level", ["character", "word"])
def test_a_text_becomes_a_model_that_continues_and_scores(tmp_path, level):
    raw = folder(tmp_path, book_dot_txt=english(211))
    made = prepared(tmp_path, "text_files", raw, level=level)
    artifact = trained(tmp_path, "language_model", made, epochs=2)
    with served(artifact) as ask:
        answer = ask("generate", prompt="Ada sees", max_tokens=7, seed=5)
        assert answer["text"] and len(answer["tokens"]) <= 7
        scored = ask("score", text="Ada sees Ben near the river.")["results"][0]
        assert scored["perplexity"] < 100


@pytest.mark.slow
def test_the_least_text_of_few_letters_becomes_a_model(tmp_path):
    raw = folder(tmp_path, a_dot_txt=["abab abba"] * 151)
    made = prepared(tmp_path, "text_files", raw)
    artifact = trained(tmp_path, "language_model", made, epochs=1)
    with served(artifact) as ask:
        assert ask("complete", prompt="ab", count=3)["results"]
