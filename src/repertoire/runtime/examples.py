"""What examples of several tasks share; they are requests for people to try."""

from __future__ import annotations

from typing import Any

from repertoire.runtime.task import Known


def prompt(known: Known) -> str:
    """The beginning that the recipe has its samples go on from."""
    return str(known.config.get("prompt", ""))


def label(known: Known) -> dict[str, Any]:
    """A class for models that are told one."""
    return {"label": 3} if known.config.get("conditional") else {}


def source(known: Known) -> str:
    """A text that a figure shows."""
    tables = (each for each in known.figures if each["columns"][:1] in (["source"], ["text"]))
    texts = [row[0] for row in next(tables, {"cells": [["…"]]})["cells"]]
    # One with an unknown token in it would puzzle who copies the line.
    return next((text for text in texts if "<" not in text), texts[0])
