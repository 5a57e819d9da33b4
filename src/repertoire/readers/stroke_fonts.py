"""Words in single-stroke fonts as the movements of a pen, each in a hand of its own.

The words are made of the letter pairs of frequent English ones, so that any number of them can
be had; a word belongs to one split, however often it is written.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from repertoire.config import Count, Seed, Share
from repertoire.contract import Array, Arrays
from repertoire.data.dataset import SPLITS, Encoded
from repertoire.data.sources import Files
from repertoire.data.text import END, PAD, UNKNOWN, text_encoding
from repertoire.data.validation import Expectation, expect
from repertoire.kinds.pairs.encoding import split_by_chance
from repertoire.readers.helpers.strokes.hershey import read_fonts
from repertoire.readers.helpers.strokes.pen import Hand, write_word
from repertoire.runtime.text import Encoding

KIND = "strokes"
FREQUENT = """
the of and to in that was his he it with is for as had you not be her on at by which have or from
this him but all she they were my are me one their so an said them we who would been will no when
there if more out up into do any your what has man could other than our some very time upon about
may its only now like little then can should made did us such great before must two these see know
over much down after first good men own never most old shall day where those came come himself way
work life without go make well through being long say might how am too even again many back here
think every people went same last thought away under take found hand eyes still place while just
also young yet though against things get ever give god years off face nothing right once another
left part saw house world head three took new love always put night each king between tell mind
heart few because thing whom far seemed looked called whole set both got find done heard look name
days told let lord country asked going seen better having home knew side something moment father
among course hands woman enough words mother soon full end gave room almost small thou cannot
water want however light quite brought nor word whose given door best turned taken does use felt
until question quick zeal jump fix box lazy joy exact size queen quiet major object next text wax
""".split()  # noqa: SIM905


@dataclass(frozen=True)
class Config:
    """``rows`` written words of ``shortest`` to ``longest`` letters, in one of ``fonts`` each.

    A word whose writing takes more than ``most_points`` is left out.
    """

    members: str
    fonts: tuple[str, ...]
    seed: Seed
    rows: Count
    shortest: Count
    longest: Count
    most_points: Count
    valid_share: Share
    test_share: Share
    hand: Hand


def words(rng: np.random.Generator, count: int, shortest: int, longest: int) -> list[str]:
    """Words as a first-order chain of letters makes them, from the pairs within ``FREQUENT``."""
    pairs: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for word in FREQUENT:
        for one, other in zip(" " + word, word + " ", strict=True):
            pairs[one][other] += 1
    letters = {one: sorted(found) for one, found in pairs.items()}
    chances = {one: np.cumsum([pairs[one][o] for o in others]) for one, others in letters.items()}
    made: list[str] = []
    while len(made) < count:
        word, last = "", " "
        while True:
            place = rng.integers(chances[last][-1])
            last = letters[last][int(np.searchsorted(chances[last], place, side="right"))]
            if last == " ":
                break
            word += last
        if shortest <= len(word) <= longest:
            made.append(word)
    return made


def tabulate(config: Config, files: Files) -> pd.DataFrame:
    """One row a written word; ``offsets`` holds the movements of the pen in font units."""
    path = files["fonts"]
    fonts = read_fonts(path, config.members, config.fonts)
    rng = np.random.default_rng(config.seed)
    texts = words(rng, config.rows, config.shortest, config.longest)
    chosen = rng.integers(len(config.fonts), size=config.rows)
    rows: list[dict[str, Any]] = []
    for text, index in zip(texts, chosen, strict=True):
        font = config.fonts[index]
        offsets = write_word(text, fonts[font], config.hand, rng)
        if len(offsets) <= config.most_points:
            rows.append({"text": text, "font": font, "offsets": offsets.astype(np.float32)})
    table = pd.DataFrame(rows)
    table["characters"] = table["text"].str.len()
    table["points"] = [len(offsets) for offsets in table["offsets"]]
    table["strokes"] = [int(offsets[:, 2].sum()) for offsets in table["offsets"]]
    table["farthest"] = [float(np.abs(offsets[:, :2]).max()) for offsets in table["offsets"]]
    distinct = table["text"].drop_duplicates().to_numpy()
    chance = dict(zip(distinct, rng.random(len(distinct)), strict=True))
    place = table["text"].map(chance)
    table["split"] = split_by_chance(place, config.valid_share, config.test_share)
    table["key"] = table["text"]
    return table


def expectations(config: Config) -> list[Expectation]:
    """Lengths, alphabet, finite movements, and no font missing or dominant."""
    between = "ExpectColumnValuesToBeBetween"
    share = 1 / len(config.fonts)
    return [
        expect(
            f"a word has {config.shortest} to {config.longest} letters of a to z",
            "ExpectColumnValuesToMatchRegex",
            column="text",
            regex=rf"^[a-z]{{{config.shortest},{config.longest}}}$",
        ),
        expect(
            f"a written word has 2 to {config.most_points} points",
            between,
            column="points",
            min_value=2,
            max_value=config.most_points,
        ),
        expect(
            # NaN and infinity lie in no range, so this holds for finite movements alone.
            "every movement is finite and at most 100 font units long",
            between,
            column="farthest",
            min_value=0,
            max_value=100,
        ),
        expect(
            "a word has at least its own stroke and the leaving one",
            between,
            column="strokes",
            min_value=2,
        ),
        expect(
            "fonts are balanced",
            "ExpectColumnKLDivergenceToBeLessThan",
            column="font",
            partition_object={
                "values": list(config.fonts),
                "weights": [share] * len(config.fonts),
            },
            threshold=0.05,
        ),
    ]


def encode(config: Config, table: pd.DataFrame) -> Encoded:
    """``points`` float32 (rows, longest, 3) padded with 0, ``lengths``, and ``text`` ids.

    Offsets are divided by one number, the deviation of the training offsets: the unit of every
    density over them.
    """
    parts = {split: table[table["split"] == split] for split in SPLITS}
    specials = (PAD, END, UNKNOWN)
    content = text_encoding(parts["train"]["text"], "character", 100, specials, True, "bare")
    train = np.concatenate(parts["train"]["offsets"].to_list())
    scale = float(train[:, :2].astype(np.float64).std())
    encoding = Encoding.parse(content)
    arrays = {split: _arrays(config, rows, scale, encoding) for split, rows in parts.items()}
    vocabulary = encoding.tokenizer.get_vocab_size()
    facts = {
        "unit": f"{scale:.4g} font units, the deviation of a training offset's coordinates",
        "scale": scale,
        "vocabulary": vocabulary,
        "alphabet": "".join(sorted(encoding.token(i) for i in range(len(specials), vocabulary))),
        "fonts": list(config.fonts),
        "points_a_letter": round(len(train) / float(parts["train"]["characters"].sum()), 3),
        "words": {split: len(rows) for split, rows in parts.items()},
        "points": {split: int(rows["points"].sum()) for split, rows in parts.items()},
    }
    texts = {split: {"text": rows["text"].to_list()} for split, rows in parts.items()}
    return Encoded(arrays, facts, {"text": content}, texts)


def _arrays(config: Config, rows: pd.DataFrame, scale: float, encoding: Encoding) -> Arrays:
    points: Array = np.zeros((len(rows), config.most_points, 3), np.float32)
    text = np.zeros((len(rows), config.longest), np.int32)
    for place, (offsets, word) in enumerate(zip(rows["offsets"], rows["text"], strict=True)):
        points[place, : len(offsets)] = offsets / (scale, scale, 1)
        text[place, : len(word)] = encoding.ids(word)
    return {"points": points, "lengths": rows["points"].to_numpy(np.int32), "text": text}
