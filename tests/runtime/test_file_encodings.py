"""Text files are read in the encoding that their letters tell."""

from __future__ import annotations

import codecs
import sys

import pytest

from repertoire.data import encodings as of_sources
from repertoire.data.sources import SourceError
from repertoire.runtime.encodings import SAMPLE, encoding_of, known_encoding
from repertoire.runtime.errors import InvalidInput

SAID = "He said naïve café crème, £{} a night; the acting was wooden and the end too long.\n"
LONG = "".join(SAID.format(n) for n in range(7, 311))


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp1252", LONG),
        ("cp1252", "Le film était très bien mais la fin m'a déçu; le garçon est parti.\n" * 3),
        ("cp1252", "El año pasado leí una canción más, ¿qué pasó? El niño comió piña.\n" * 3),
        (
            "cp1250",
            "Kniha byla dobrá a přečetl jsem ji za dva dny. "
            "Doporučuji všem, kteří mají rádi napětí.\n" * 3,
        ),
        ("cp1250", "Książka była świetna, ale zakończenie mnie rozczarowało, dość późno.\n" * 3),
        (
            "cp1254",
            "Kitap çok güzeldi ama sonu beni hayal kırıklığına uğrattı, şöyle böyle. "
            "İstanbul'da yağmur yağıyordu, ağaçlar ıslandı.\n" * 3,
        ),
        ("cp1251", "Книга была отличной, но конец меня разочаровал.\n" * 3),
        ("cp949", "이 영화는 정말 재미있었고 배우들의 연기도 훌륭했다.\n" * 3),
        ("utf-8", "Überall naïve Cafés — 재미\n" * 3),
    ],
)
def test_letters_tell_the_encoding(encoding: str, text: str) -> None:
    content = text.encode(encoding)
    found = encoding_of(content, "reviews.csv")
    assert content.decode(found) == text


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_mark_tells_the_encoding(encoding: str) -> None:
    assert encoding_of("a,b\n".encode(encoding), "x.csv") == encoding


@pytest.mark.parametrize(("mark", "encoding"), [("UTF32_BE", "utf-32"), ("UTF16_BE", "utf-16")])
def test_the_mark_of_the_other_byte_order_is_one_too(mark: str, encoding: str) -> None:
    content = getattr(codecs, f"BOM_{mark}") + "a,b\n".encode(f"{encoding}-be")
    assert encoding_of(content, "x.csv") == encoding


@pytest.mark.parametrize(
    "content",
    [b"id,text\n1,a\0b\n", b"one \0 in a long line" + 53 * b"x", b"", b"\n"],
)
def test_few_zero_bytes_are_damage_in_utf8(content: bytes) -> None:
    assert encoding_of(content, "x.csv") == "utf-8"


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("text", ["id,text\n1,hello\n", "Книга была отличной\n" * 7])
def test_many_zero_bytes_are_utf16_without_a_mark(encoding: str, text: str) -> None:
    content = text.encode(encoding)
    assert content.decode(encoding_of(content, "x.csv")) == text


def test_the_end_of_what_is_looked_at_may_cut_a_character() -> None:
    content = ("한" * (SAMPLE // 3 + 7)).encode()
    assert SAMPLE % 3 and encoding_of(content, "x.txt") == "utf-8"
    assert encoding_of(content[:SAMPLE], "x.txt") == "utf-8"


def test_without_charset_normalizer_the_remedy_names_the_option(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "charset_normalizer", None)
    assert encoding_of("schön".encode(), "a.csv") == "utf-8"
    with pytest.raises(InvalidInput, match=r"^a\.csv is not UTF-8; .*--encoding cp1252"):
        encoding_of("schön".encode("cp1252"), "a.csv")


def test_what_is_no_text_is_refused_for_requests_and_for_sources() -> None:
    told = r"^a\.csv is not text in any known encoding; .*--encoding cp1252"
    with pytest.raises(InvalidInput, match=told):
        encoding_of(bytes(range(256)) * 3, "a.csv")
    with pytest.raises(SourceError, match=told):
        of_sources.encoding_of(bytes(range(256)) * 3, "a.csv")


@pytest.mark.parametrize("name", ["latin9000", "hex", "undefined", ""])
def test_an_encoding_that_python_cannot_write_text_in_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput, match=f"no encoding '{name}'; well-known are utf-8"):
        known_encoding(name)
    assert known_encoding("utf-16") == "utf-16" and known_encoding("Latin-1") == "Latin-1"


def test_an_encoding_that_is_given_is_not_told_anew() -> None:
    assert of_sources.encoding_of(codecs.BOM_UTF8, "a.csv", "cp1252") == "cp1252"
    with pytest.raises(SourceError, match="no encoding 'hex'"):
        of_sources.encoding_of(b"", "a.csv", "hex")
