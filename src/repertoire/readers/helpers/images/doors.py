"""What doors for captioned images and for styles share: splits, samples, options, bad files."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from repertoire.config import ConfigError, Count, Seed, Share
from repertoire.data.doors import SAMPLE_BYTES, BadRows, Fact
from repertoire.data.files import digest_file
from repertoire.data.sources import SourceError

if TYPE_CHECKING:
    import pandas as pd

T = TypeVar("T")
LEAST = {"test": 2, "valid": 1}  # a standard error needs two
PRECEDENCE = ("test", "valid", "train")  # which of two equal images stays


@dataclass(frozen=True)
class HeldOut:
    """The shares of images that are held out where files name no such split, and at most how many.

    Equal images are in one split.
    """

    valid_share: Share
    test_share: Share
    most_valid: Count | None
    most_test: Count | None
    seed: Seed


def with_splits(given: Sequence[str], keys: Sequence[str], rule: HeldOut) -> list[str]:
    """The split of each row, ``given`` or "": rows without one are trained on where others have
    one, and a split that no row has is drawn from training by groups of equal ``keys``.

    Raises SourceError where there are too few.
    """
    splits = [split or "train" for split in given]
    free = sorted({key for key, split in zip(keys, splits, strict=True) if split == "train"})
    order = [free[place] for place in np.random.default_rng(rule.seed).permutation(len(free))]
    drawn: dict[str, str] = {}
    for split, share, most in (
        ("test", rule.test_share, rule.most_test),
        ("valid", rule.valid_share, rule.most_valid),
    ):
        if split not in given:
            count = max(LEAST[split], round(share * len(free)))
            count = count if most is None else min(most, count)
            drawn |= dict.fromkeys(order[len(drawn) :][:count], split)
    if len(free) <= len(drawn):
        raise SourceError(
            f"{len(free)} different images are too few to train on some and to hold others out; "
            "add images"
        )
    return [
        drawn.get(key, split) if split == "train" else split
        for key, split in zip(keys, splits, strict=True)
    ]


def once_across(table: "pd.DataFrame", bad: BadRows) -> "pd.DataFrame":
    """A table without images that another split holds, too: of two, the one held out stays.

    ``split`` is "" for rows to train on, ``key`` is equal for equal images, ``file`` their name.
    """
    rows = list(zip(*(table[name].to_list() for name in ("split", "key", "file")), strict=True))
    held: dict[str, tuple[int, str]] = {}
    for split, key, name in rows:
        rank = PRECEDENCE.index(split or "train")
        if key not in held or rank < held[key][0]:
            held[key] = (rank, name)
    stays = []
    for split, key, name in rows:
        rank, first = held[key]
        stays.append(PRECEDENCE.index(split or "train") == rank)
        if not stays[-1]:
            reason = f"the same image as {first}, which is in {PRECEDENCE[rank]}"
            bad.add(name, None, reason, "keep it in one split")
    return table[stays].reset_index(drop=True)


def sampled(items: Sequence[T], split: Callable[[T], str], path: Callable[[T], Path]) -> list[T]:
    """Up to 256 items of every split, evenly spread, of at most ``SAMPLE_BYTES`` in all, or 32."""
    parts: defaultdict[str, list[T]] = defaultdict(list)
    for item in items:
        parts[split(item)].append(item)
    found: list[T] = []
    for part in parts.values():
        spread = np.linspace(0, len(part) - 1, min(len(part), 256)).astype(int)
        kept = [part[place] for place in spread]
        mean = sum(path(item).stat().st_size for item in kept) / len(kept)
        most = max(32, int(SAMPLE_BYTES / len(parts) / max(1.0, mean)))
        if len(kept) > most:
            kept = [kept[p] for p in np.linspace(0, len(kept) - 1, most).astype(int)]
        found += kept
    return found


def copies_fact(paths: Sequence[Path]) -> list[Fact]:
    """How many files are copies of another, if any; only those of equal size are read."""
    sizes: defaultdict[int, list[Path]] = defaultdict(list)
    for path in paths:
        sizes[path.stat().st_size].append(path)
    alike = [group for group in sizes.values() if len(group) > 1]
    copies = sum(len(group) - len({digest_file(path) for path in group}) for group in alike)
    sentence = f"{copies:,} image files are copies of another; copies stay in one split"
    return [Fact("duplicates", sentence)] if copies else []


def split_fact(given: Sequence[str], drawn: Sequence[str], rule: HeldOut) -> Fact:
    """What decides the splits, and how many images each has."""
    counts = ", ".join(f"{drawn.count(split):,} {split}" for split in ("train", "valid", "test"))
    known = sorted({split for split in given if split})
    shares = f"{100 * rule.valid_share:g} % valid, {100 * rule.test_share:g} % test"
    if not known:
        return Fact("split", f"{counts}: by seeded shares ({shares}), equal images together")
    missing = [split for split in ("valid", "test") if split not in known]
    if not missing:
        return Fact("split", f"{counts}: as the files say")
    return Fact(
        "split",
        f"{counts}: as the files say; {' and '.join(missing)} by share from train ({shares})",
    )


class Options:
    """The options of a door by name; each is a known one. Raises ConfigError for a wrong value."""

    def __init__(self, given: Mapping[str, str], known: Mapping[str, str]) -> None:
        if wrong := sorted(set(given) - set(known)):
            raise ConfigError(f"--{wrong[0]}: no such option; there are: --{', --'.join(known)}")
        self.given = given

    def text(self, name: str, default: str = "") -> str:
        return self.given.get(name, default)

    def one_of(self, name: str, values: Sequence[str], default: str) -> str:
        value = self.given.get(name, default)
        if value not in values:
            raise ConfigError(f"--{name}: {value!r} is none of: {', '.join(values)}")
        return value

    def count(self, name: str, least: int, most: int) -> int | None:
        if name not in self.given:
            return None
        value = self.given[name]
        if not value.isdecimal() or not least <= int(value) <= most:
            raise ConfigError(f"--{name}: {value!r} is no whole number from {least} to {most:,}")
        return int(value)

    def share(self, name: str, default: float) -> float:
        value = self.given.get(name)
        if value is None:
            return default
        try:
            share = float(value)
        except ValueError:
            share = -1.0
        if not 0 < share < 1:
            raise ConfigError(f"--{name}: {value!r} is no share between 0 and 1, such as 0.1")
        return share
