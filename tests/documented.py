"""The metrics of docs/measures: their names as patterns, and which value is better."""

import re

from tests.project import ROOT

ROWS = [
    line.strip("| ").split(" | ")
    for page in sorted((ROOT / "docs/measures").glob("*.md"))
    for line in page.read_text(encoding="utf-8").splitlines()
    if line.startswith("| `")
]


def _filled(name: str, number: str, word: str) -> str:
    """A name as the page writes it, with something for N and for <…>."""
    return re.sub(r"<\w+>", lambda _: word, re.sub(r"_N(?=_|$)", lambda _: f"_{number}", name))


# Name on the page -> pattern, better direction, an example.
DOCUMENTED = {
    name: (
        _filled(name, r"\d+", r"\w+"),
        "lower" if "↓" in row[1] else "higher",
        _filled(name, "4", "blur"),
    )
    for row in ROWS
    for name in re.findall(r"`([^`]+)`", row[0])
}


def directions(metric: str) -> set[str]:
    """The directions that the page gives to a metric; none if it lacks the metric."""
    exact = {way for name, (_, way, _) in DOCUMENTED.items() if name == metric}
    return exact or {way for p, way, _ in DOCUMENTED.values() if re.fullmatch(p, metric)}
