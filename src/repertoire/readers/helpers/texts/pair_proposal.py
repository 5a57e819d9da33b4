"""What the door for pairs proposes, and the sentences that say why."""

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd

from repertoire.config import ConfigError, parse
from repertoire.data.doors import DROPPED, SAMPLE_BYTES, Fact, Proposal
from repertoire.data.text import Level
from repertoire.readers import pair_table
from repertoire.readers.helpers.texts.levels import (
    LETTER,
    LEVELS,
    flag,
    script_of,
    share,
    whole,
)
from repertoire.readers.helpers.texts.pair_files import Pairs, Place, place_of, read_pairs
from repertoire.readers.helpers.texts.proposal import listed, unusable

MEGABYTES = 100
LOOKED_AT = 20_000  # pairs, spread evenly over those at the files' beginning
MOST_PAIRS = 100_000  # of training, which a training of some minutes sees about once
HELD_OUT = {"valid": 500, "test": 2000}  # pairs that are enough for small standard errors
USUAL_SHARE = 0.99  # of the pairs that are no longer than is proposed
LONGEST = 300  # characters that are proposed at most; a decoder writes 512 tokens at most
SIDES = ("source", "target")
SHORT = 12  # characters, up to which texts are names, numbers and dates
ANSWERS = ("answer", "a", "response", "reply", "output", "completion")
DATE, SUM = re.compile(r"\d{4}-\d\d-\d\d"), re.compile(r"\d+\+\d+")


def proposal(raw: Path, options: Mapping[str, str]) -> Proposal:
    """See ``pair_table.propose``."""
    place = place_of(raw, options)
    encoding = options.get("encoding", "")
    most = whole(options, "megabytes", 1, MEGABYTES)
    pairs = read_pairs(raw, place, encoding, min(SAMPLE_BYTES, most * pair_table.MEGABYTE))
    longest = {
        side: whole(options, "longest", 1, usual_length(pairs.frame[side])) for side in SIDES
    }
    if len(pairs.frame) > LOOKED_AT:
        rows = np.linspace(0, len(pairs.frame) - 1, LOOKED_AT).astype(int)
        pairs = replace(pairs, frame=pairs.frame.iloc[rows])
    config: dict[str, Any] = {
        "layout": place.layout,
        "source_name": place.source,
        "target_name": place.target,
        "columns": list(place.columns),
        "left_out": list(place.left),
        "encoding": encoding,
        "megabytes": most,
        "most_pairs": whole(options, "pairs", 1, MOST_PAIRS),
        **shares(pairs.rows, options),
        "seed": whole(options, "seed", 0, 1),
        "measures": [],
    }
    table = sample(config, pairs, longest)
    rule, bad_rows = unusable(table, len(pairs.frame) + len(pairs.bad), options)
    scale = min(pairs.rows, config["most_pairs"]) / max(1, len(pairs.frame))
    sides = {side: proposed_side(table, side, max(1.0, scale), options) for side in SIDES}
    for side, (values, _) in sides.items():
        values["longest"] = longest[side]
    config |= {side: values for side, (values, _) in sides.items()}
    config["bad_rows"] = rule
    config["measures"] = measures(table, place)
    facts = [*file_facts(pairs, place), *table_facts(table, pairs, config)]
    facts += [fact for _, fact in sides.values()]
    facts += [bad_rows] if table.attrs[DROPPED] else []
    return Proposal(
        reader="pair_table",
        config=config,
        baseline={"gram": 3, "rules": rules(table)},
        facts=facts,
        sample=table,
        rows=min(round(pairs.rows * len(table) / max(1, len(pairs.frame))), _kept(table, config)),
    )


def _kept(table: pd.DataFrame, config: Mapping[str, Any]) -> int:
    """The most rows that the whole can have."""
    share_of_training = (table["split"] == "train").mean()
    return round(config["most_pairs"] / max(0.01, share_of_training))


def sample(config: Mapping[str, Any], pairs: Pairs, longest: Mapping[str, int]) -> pd.DataFrame:
    """The table of what was looked at, bad rows listed."""
    side = {"level": "character", "lowercase": False, "vocabulary": 4}
    sides = {name: {**side, "longest": most} for name, most in longest.items()}
    anyhow = {"on_bad_row": "drop", "largest_share": 1.0}
    # Or a split of the sample could be empty.
    held = {name: max(0.01, config[name]) for name in ("valid_share", "test_share")}
    block = {**config, **held, **sides, "bad_rows": anyhow}
    known = parse(pair_table.Config, block, "config")
    return pair_table.pairs_table(known, pairs)


def usual_length(texts: "pd.Series[str]") -> int:
    """Characters that nearly all texts have at most, in tens."""
    lengths = texts.dropna().astype(str).str.len()
    most = float(lengths.quantile(USUAL_SHARE)) if len(lengths) else 1.0
    if lengths.max() <= min(LONGEST, 1.5 * most):
        return max(10, math.ceil(lengths.max() / 10) * 10)
    return min(LONGEST, max(10, math.ceil(most / 10) * 10))


def shares(rows: int, options: Mapping[str, str]) -> dict[str, float]:
    """A tenth of the pairs each, less where that is more than enough."""
    return {
        f"{split}_share": share(options, f"{split}-share", round(min(0.1, most / max(1, rows)), 4))
        for split, most in HELD_OUT.items()
    }


def proposed_side(
    table: pd.DataFrame, name: str, scale: float, options: Mapping[str, str]
) -> tuple[dict[str, Any], Fact]:
    """How one side becomes tokens, and why; there are ``scale`` times as many pairs in all."""
    texts = table.loc[table["split"] == "train", name].tolist()
    words = round(scale * sum(len(text.split()) for text in texts))
    level, reason = _level(texts, words, options.get(f"{name}-level"))
    lowercase = flag(options, f"{name}-lowercase", False)
    if name == "source":
        few = level in ("word", "subword") and scale * len(texts) < MOST_PAIRS // 2
        lowercase = flag(options, "source-lowercase", few)
    size = whole(options, f"{name}-vocabulary", 4) or _vocabulary(texts, words, level, lowercase)
    side = {"level": level, "lowercase": lowercase, "vocabulary": size}
    small = ", small letters" if lowercase else ""
    sentence = f"{level}{small}: {reason}; at most {size:,} tokens (--{name}-level LEVEL)"
    return side, Fact(f"{name}s", sentence)


def _level(texts: Sequence[str], words: int, asked: str | None) -> tuple[Level, str]:
    if asked is not None:
        if asked not in LEVELS:
            raise ConfigError(f"level {asked!r}: none of: {', '.join(LEVELS)}")
        return cast(Level, asked), "as asked for"
    text = "\n".join(texts)
    script = script_of(text)
    if script.spaceless > 0.3:
        return "character", script.name
    if script.hangul > 0.3:
        return "character", "Korean, whose words take many endings"
    length = len(text) / len(texts)
    if length <= SHORT:
        return "character", f"short texts, of {length:.0f} characters on average"
    if len(LETTER.findall(text)) < 0.5 * len(text):
        return "character", "more digits and signs than letters"
    return "subword", f"{words:,} words of training, in {script.name}"


def _vocabulary(texts: Sequence[str], words: int, level: Level, lowercase: bool) -> int:
    text = "\n".join(texts)
    text = text.lower() if lowercase else text
    if level == "character":
        counts = Counter(text)
        del counts["\n"]
        return max(4, min(8000, 3 + sum(count > 1 for count in counts.values())))
    if level == "subword":
        sizes = ((10_000, 500), (50_000, 1000), (200_000, 2000), (10**6, 4000))
        return next((size for most, size in sizes if words < most), 8000)
    return max(4, min(10_000, 3 + sum(count > 1 for count in Counter(text.split()).values())))


def measures(table: pd.DataFrame, place: Place) -> list[str]:
    """BLEU by word where words are set apart, and variety where answers are written."""
    text = "\n".join(table["target"])
    script = script_of(text)
    words = len(text.split()) >= 2 * len(table) and script.spaceless + script.hangul < 0.3
    letters = len(LETTER.findall(text)) > 0.5 * len(text)
    found = ["words"] if words and letters else []
    return [*found, "variety"] if place.target.lower() in ANSWERS else found


def rules(table: pd.DataFrame) -> list[str]:
    """Rules of thumb that know dates or sums, where most pairs are such."""
    dates = table["target"].str.fullmatch(DATE.pattern).mean() > 0.9
    sums = table["source"].str.fullmatch(SUM.pattern).mean() > 0.9
    return [*(["date_rule"] if dates else []), *(["digit_table"] if sums else [])]


def file_facts(pairs: Pairs, place: Place) -> list[Fact]:
    """Which files, and what of them is source and target."""
    names = list(dict.fromkeys(pairs.frame["file"]))
    words = {
        "table": "columns of a table",
        "tabs": f"columns set apart by tabs, without a header ({', '.join(place.columns)})",
        "aligned": "aligned files, line by line",
    }[place.layout]
    facts = [
        Fact("files", f"{listed(names)}: {words}; {', '.join(pairs.formats)}"),
        Fact("pairs", f"{place.source} → {place.target} (--source NAME --target NAME)"),
    ]
    if place.left:
        facts.append(Fact("left out", f"no pairs in {listed(place.left)}"))
    return facts


def table_facts(table: pd.DataFrame, pairs: Pairs, config: Mapping[str, Any]) -> list[Fact]:
    """Amounts, lengths, splits, and pairs that are left out."""
    part = len(pairs.frame) + len(pairs.bad) < pairs.rows
    seen = f"; what follows is told by {len(pairs.frame):,} of them" if part else ""
    about = "about " if pairs.sampled else ""
    facts = [Fact("amount", f"{about}{pairs.rows:,} pairs{seen}")]
    limits = [config[side]["longest"] for side in SIDES]
    longer = f"{table.attrs['too_long']:,} longer pairs are left out (--longest N)"
    facts.append(
        Fact("length", f"up to {limits[0]} characters of source, {limits[1]} of target; {longer}")
    )
    if twice := table.attrs["twice"]:
        facts.append(Fact("duplicates", f"{twice:,} pairs that come again are left out"))
    told = set(pairs.frame["split"]) - {""}
    by_name = " by name" + "".join(f", {s} drawn" for s in ("valid", "test") if s not in told)
    counts = table["split"].value_counts()
    parts = ", ".join(f"{split} {counts[split]:,}" for split in pair_table.LEAST)
    drawn = " drawn by the seed, equal sources together"
    facts.append(Fact("split", f"{(by_name if told else drawn).strip()}: {parts}"))
    train = round(pairs.rows * (table["split"] == "train").mean())
    if train > config["most_pairs"]:
        facts.append(Fact("used", f"{config['most_pairs']:,} pairs of training (--pairs N)"))
    known = set(table.loc[table["split"] == "train", "source"])
    again = int(table.loc[table["split"] == "test", "source"].isin(known).sum())
    if again:
        facts.append(Fact("repeats", f"{again:,} test sources are in training; others are unseen"))
    return facts
