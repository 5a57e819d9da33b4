"""Pairs of strings: generated dates and sums, and a catalogue of made-up menu entries."""

import json
import zipfile
from pathlib import Path


def write_strings(path: Path) -> None:
    """A wheel with a message catalogue of made-up menu entries."""
    verbs = {"Open": "열기", "Close": "닫기", "Save": "저장", "Delete": "삭제", "Copy": "복사"}
    nouns = {f"file{n}": f"파일{n}" for n in range(47)}
    catalogue = {f"{v} {n}": [f"{nouns[n]} {verbs[v]}"] for v in verbs for n in nouns}
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("pack/locale/ko_KR/LC_MESSAGES/menu.json", json.dumps(catalogue))


ARCHIVES = {"jupyterlab_language_pack_ko_kr-4.5.post3-py2.py3-none-any.whl": write_strings}
DATA = {"dates": {"rows": 700}, "korean_strings": {}, "addition": {"draws": 700}}
RECIPES = {"dates": {"embedding": 7, "units": 11, "batch": 31, "examples": 3}}
VARIANTS = (
    "korean_strings",
    "dates_plain",
    "dates_peeky",
    "dates_additive",
    "addition_plain",
    "addition_reversed",
    "addition_peeky",
    "addition_additive",
)
STAND_INS = dict.fromkeys(VARIANTS, "dates")
PUBLISHED = (
    "addition_published",
    "dates_published",
    "multi30k_de_en",
    "multi30k_en_de",
    "tatoeba_en_ko",
    "tatoeba_ko_en",
    "chatbot_ko",
)
DATA_OF = dict.fromkeys(("korean_strings", "addition", *PUBLISHED), "dates")
