"""Names that are written in another form, case or width, and those that are not the same."""

from __future__ import annotations

import unicodedata

import pytest

from repertoire.runtime.spelling import Names, folded

KNOWN = ("Misérables, Les (1995)", "대한민국", "Straße", "file", "x²", "x2", "Ω", "Åse")


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        (unicodedata.normalize("NFD", "Misérables, Les (1995)"), 0),
        ("MISE\u0301RABLES,\u00a0LES (1995)", 0),
        ("Misérables,  Les\t(1995)", 0),
        ("Ｍｉｓérables, Les （１９９５）", 0),
        (unicodedata.normalize("NFD", "대한민국"), 1),
        ("대한\u200b민국\ufeff", 1),
        ("STRASSE", 2),
        ("\ufb01le", 3),  # a ligature
        ("fi\u00adle", 3),  # a soft hyphen
        ("x²", 4),  # spelled so, though x2 is alike
        ("x2", 5),
        ("\u2126", 6),  # the sign of ohm
        ("\u212bSE", 7),  # the sign of angstrom
        ("Miserables, Les (1995)", None),  # another letter
        ("X2", None),  # two are alike
        ("대한", None),
        ("", None),
    ],
)
def test_a_name_is_found_whatever_the_form_of_its_letters(given: str, meant: int | None) -> None:
    assert Names.of(KNOWN).find(given) == meant


def test_what_is_near_is_told_once_and_in_any_form() -> None:
    names = Names({"Alien (1979)": 3, "alien (1979)": 3, "7": 3, "Ælien (1979)": 5, "Emma": 2})
    assert names.near("ALEIN (1979)", most=2) == [3, 5]
    korean = Names.of(["긍정적", "부정적", "모르겠음"])
    assert korean.near(unicodedata.normalize("NFD", "긍정정"), most=1) == [0]


def test_folding_twice_changes_nothing() -> None:
    for text in (*KNOWN, "İstanbul", "ǰ", "ΣΊΣΥΦΟΣ", "ᾳ", "ﷺ", "❤\ufe0f", "ｶﾞ"):
        assert folded(folded(text)) == folded(text)
        for form in ("NFC", "NFD", "NFKC", "NFKD"):
            assert folded(unicodedata.normalize(form, text)) == folded(text), text
