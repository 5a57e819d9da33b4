"""Text files are read in the encoding that their letters tell."""

import pytest

from repertoire.data.encodings import encoding_of

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
def test_letters_tell_the_encoding(encoding, text):
    content = text.encode(encoding)
    found = encoding_of(content, "reviews.csv")
    assert content.decode(found) == text
