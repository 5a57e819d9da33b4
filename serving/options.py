"""Options of the commands, with values out of bounds refused in one line."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn


class Parser(argparse.ArgumentParser):
    """Of `python -m module`, or of the script of that module when it was called by its name."""

    def __init__(self, module: str, description: str | None = None) -> None:
        called = Path(sys.argv[0])
        name = called.name if called.name.startswith("repertoire-") else f"python -m {module}"
        super().__init__(prog=name, description=description)

    def error(self, message: str) -> NoReturn:
        """Without the usage, which is longer than what is wrong."""
        self.exit(2, f"error: {message}; {self.prog} --help lists the options\n")


def whole(low: int, high: int) -> Callable[[str], int]:
    """Reads a whole number from `low` to `high`."""

    def read(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = low - 1
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number from {low} to {high}")
        return value

    return read


def number(low: float, high: float) -> Callable[[str], float]:
    """Reads a number from `low` to `high`; nan is none."""

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{text!r} is no number from {low:g} to {high:g}")
        return value

    return read


def filled(text: str) -> str:
    """Reads a text that is not empty: an unset variable of the shell ends up as one."""
    if not text.strip():
        raise argparse.ArgumentTypeError("the value is empty; name one or leave the option out")
    return text


def name_of_model(text: str) -> str:
    """Reads a name that stands in addresses, where a dot parts it from a graph's."""
    if not text.strip() or set(text) & {".", "/"}:
        raise argparse.ArgumentTypeError(f"{text!r} is no name of a model: no dot, no slash")
    return text
