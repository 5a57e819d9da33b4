"""Small texts of one pattern, and folders of files to hold them."""

import numpy as np

NAMES = ["Ada", "Ben", "Carl", "Dora", "Emil", "Frida", "Gustav", "Hanna"]
VERBS = ["sees", "hears", "calls", "helps", "finds", "greets", "follows", "thanks"]
THINGS = ["garden", "river", "house", "letter", "window", "table", "forest", "road"]


def english(lines, seed=3):
    """So many sentences of one pattern, drawn by the seed."""
    rng = np.random.default_rng(seed)
    chosen = rng.integers(0, 8, (lines, 4))
    return [f"{NAMES[a]} {VERBS[b]} {NAMES[c]} near the {THINGS[d]}." for a, b, c, d in chosen]


def folder(tmp_path, **files):
    """A folder of files; "/" stands for "__" in a keyword, bytes are written as they are."""
    raw = tmp_path / "raw"
    raw.mkdir()
    for name, content in files.items():
        path = raw / name.replace("__", "/").replace("_dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        text = "\n".join(content) + "\n" if isinstance(content, list) else content
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return raw
