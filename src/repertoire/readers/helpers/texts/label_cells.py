"""What a cell of a table says: a text on one line, and a label as it is spelled."""

import unicodedata
from typing import TYPE_CHECKING, Any

import numpy as np

from repertoire.contract import Array
from repertoire.data.strings import mapped

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

PLAIN = r"\A[!-~]+( [!-~]+)*\z"  # texts that ``one_line`` leaves as they are


def one_line(text: Any) -> str:
    """NFC on one line with single spaces, control characters as spaces; "" for no text."""
    if text is None or (isinstance(text, float) and np.isnan(text)):
        return ""
    plain = unicodedata.normalize("NFC", str(text))
    if not plain.isprintable():
        plain = "".join(c if c.isprintable() or ord(c) > 159 else " " for c in plain)
    return " ".join(plain.split())


def is_told(texts: "pd.Series[Any]") -> Array:
    """bool (rows,): which texts are not empty."""
    told: Array = mapped(texts, lambda text: bool(one_line(text))).to_numpy(bool)
    return told


def is_one_line(texts: "pa.Array", longest: int) -> "pa.Array":
    """Which texts are plain: ASCII, single spaces, none at the ends, short enough."""
    import pyarrow.compute as pc

    plain = pc.match_substring_regex(texts, PLAIN)
    return pc.fill_null(pc.and_(plain, pc.less_equal(pc.binary_length(texts), longest)), False)


def label_text(label: Any) -> str:
    """A label as it is spelled: 1.0 of a column of numbers as 1, none as ""."""
    if label is None or (isinstance(label, float) and np.isnan(label)):
        return ""
    if isinstance(label, float) and label.is_integer():
        return str(int(label))
    return str(label).strip()
