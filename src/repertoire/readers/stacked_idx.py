"""Stacks of the official pictures of ``readers/idx_images.py``."""

from dataclasses import dataclass

import pandas as pd

from repertoire.config import Count, Natural
from repertoire.data.dataset import Encoded
from repertoire.data.sources import Files
from repertoire.data.validation import Expectation
from repertoire.kinds.stacked_images.encoding import encode_stacks, stack_expectations, stack_table
from repertoire.readers import idx_images

KIND = "stacked_images"


@dataclass(frozen=True)
class Config(idx_images.Config):
    """How many stacks a split has."""

    train_stacks: Count
    valid_stacks: Natural
    test_stacks: Count


def tabulate(config: Config, files: Files) -> pd.DataFrame:
    """One row a stacked digit; the columns of its digit come with it."""
    return stack_table(config, idx_images.tabulate(config, files))


def expectations(config: Config) -> list[Expectation]:
    """Those of the digits, and that every stack has its three."""
    return [*idx_images.expectations(config), *stack_expectations()]


def encode(config: Config, table: pd.DataFrame) -> Encoded:
    """uint8 images and labels a split, and the evaluation classifier's weights."""
    return encode_stacks(config, config.names, config.side, table)
