"""Readers of running text, over small files in the formats of the real ones."""

import zipfile

import numpy as np
import pytest

from repertoire.config import ConfigError
from repertoire.data.sources import Files
from repertoire.kinds.running_text.encoding import Running
from repertoire.readers import dialogues, documents, one_text
from repertoire.runtime.text import Encoding

CHARACTERS = Running("character", False, 100, 0, 2)
BILL = (
    "민법 일부개정법률안\r\n\r\n  초등학교 저학년의 경우에도 사랑과 보살핌이 필요\r\n\r\n"
    "한 나이이나, 현재 공무원이 자녀를 양육하기 위하여 \r\n\r\n- 3 -\r\n\r\n휴직할 수 있음.\r\n\r\n"
    "①둘째 항은 새 문단이다.\n  가. 들여 쓴 줄\n9890\n"
)


def corpus(tmp_path):
    path = tmp_path / "texts.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("1", "2", "3"):
            archive.writestr(f"konlpy/data/corpus/kobill/{name}.txt", BILL)
    return Files({"documents": path})


def config(**changes):
    given = {"members": "konlpy/data/corpus/ko*/*.txt", "script": "[가-힣]", "full_line": 20}
    given |= {"text": CHARACTERS, "valid": ("2",), "test": ("3",), "identity_words": 99}
    return documents.Config(**{**given, **changes})


def test_printed_lines_are_joined_to_paragraphs_and_words_made_whole(tmp_path):
    table = documents.tabulate(config(), corpus(tmp_path))
    first = table.loc[table["document"] == "1", "text"].tolist()
    assert first == [
        "민법 일부개정법률안",
        "초등학교 저학년의 경우에도 사랑과 보살핌이 필요한 나이이나, "
        "현재 공무원이 자녀를 양육하기 위하여 휴직할 수 있음.",
        "①둘째 항은 새 문단이다.",
        "가. 들여 쓴 줄",
    ]
    assert table.groupby("document")["split"].first().tolist() == ["train", "valid", "test"]


def test_a_held_out_document_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigError, match="'7' is not in"):
        documents.tabulate(config(test=("7",)), corpus(tmp_path))


def test_documents_become_syllables(tmp_path):
    table = documents.tabulate(config(), corpus(tmp_path))
    encoded = documents.encode(config(), table)
    encoding = Encoding.parse(encoded.encodings["text"])
    assert encoding.decode(encoded.arrays["test"]["tokens"]) == "민법 일부개정법률안"
    assert encoding.tokenizer.encode("민법").tokens == ["민", "법"]


def test_one_text_is_cut_to_the_character_and_nothing_is_lost(tmp_path):
    text = "".join(f"line {n}\n\n" if n % 3 else f"name {n}:\n" for n in range(101))
    (tmp_path / "input.txt").write_text(text)
    settings = one_text.Config(0.05, 0.1, CHARACTERS, 99)
    table = one_text.tabulate(settings, Files({"text": tmp_path / "input.txt"}))
    arrays = one_text.encode(settings, table).arrays
    encoding = Encoding.parse(one_text.encode(settings, table).encodings["text"])
    cut = int(len(text) * 0.9)
    tokens = arrays["test"]["tokens"]
    assert len(tokens) == len(text) - cut
    lines = np.split(tokens, np.flatnonzero(tokens == encoding.end)[:-1] + 1)
    assert "\n".join(encoding.decode(line) for line in lines) + "\n" == text[cut:]
    valid = arrays["valid"]["tokens"]
    assert len(valid) in (cut - int(len(text) * 0.85), cut - int(len(text) * 0.85) + 1)


def test_exchanges_with_one_answer_are_in_one_split_and_a_question_counts_once(tmp_path):
    rows = [f"질문 {n},답 {n % 37}.,0" for n in range(211)] + ["질문 3,다른 답,1"]
    (tmp_path / "chat.csv").write_text("\n".join(["Q,A,label", *rows]), encoding="utf-8")
    settings = dialogues.Config("Q", "A", 99, 3, 0.2, 0.3, CHARACTERS)
    files = Files({"dialogues": tmp_path / "chat.csv"})
    table = dialogues.tabulate(settings, files)
    assert len(table) == 211 and (table.groupby("key")["split"].nunique() == 1).all()
    assert table["split"].nunique() == 3
    encoded = dialogues.encode(settings, table)
    encoding = Encoding.parse(encoded.encodings["text"])
    first = table.loc[table["split"] == "test", "text"].iloc[0].split("\n")
    tokens = encoded.arrays["test"]["tokens"]
    assert [encoding.decode(tokens), encoding.decode(tokens[len(first[0]) + 1 :])] == first
    with pytest.raises(ConfigError, match="no column 'B'"):
        dialogues.tabulate(dialogues.Config("Q", "B", 99, 3, 0.2, 0.3, CHARACTERS), files)
