"""A browser, and a server of small models in a process of its own."""

from __future__ import annotations

import base64
import io
import json
import shutil
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

sys.path.append(str(Path(__file__).parents[1] / "serving"))  # where the stand-ins are

import families
import standins
from processes import serving, until

WIDE, NARROW = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
# What tasks propose when nobody measured a model, and these models do not know.
EXAMPLES: dict[str, dict[str, Any]] = {
    "bigram": {"score": {"text": "a b c"}},
    "course": {"forecast": {"series": [2, 3, 5, 7, 11]}},
    "pair": {"forecast": {"series": [[2, 3], [5, 7], [11, 13]]}},
    "shades": {"detect": {"images": [(3, 5)], "normal": 1}},
    "tables": {"detect": {"rows": [2, 3], "normal": 0}},
    "both_ways": {"translate_image": {"images": [(3, 5)]}},
    "films": {"recommend": {"history": [], "count": 2}},
    "sentences": {"nearest_sentences": {"text": "go", "count": 2}},
    "dark": {"stylize": {"images": [(17, 13)]}},
    "staircase": {
        "continue": {"samples": [0.5, -0.5], "count": 11},
        "likelihood": {"samples": [0.5]},
    },
    "pen": {"write": {"text": "abc", "points": 5, "seed": 7}},
    "mirror": {"translate": {"text": "x y z"}},
    "counter": {"caption": {"images": [(5, 3)]}},
    "negative": {"reconstruct": {"images": [(5, 7)]}, "sample": {"count": 3, "seed": 7}},
    "tinted": {
        "reconstruct": {"images": [(2, 3)], "label": 1},
        "interpolate": {"images": [(2, 3), (2, 3)], "steps": 5, "label": 1},
        "blend": {"images": [(2, 3), (2, 3)], "label": 1},
    },
}


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = families.every(tmp_path_factory.mktemp("page") / "models")
    standins.lstm(root / "slow", words=2003, width=211)
    for name, examples in EXAMPLES.items():
        place = root / name / "manifest.json"
        filled = {task: {k: _sent(v) for k, v in each.items()} for task, each in examples.items()}
        place.write_text(json.dumps({**json.loads(place.read_text()), "examples": filled}))
    place = root / "bag" / "manifest.json"
    said = {"verdict": "better", "sentence": "Better than luck: accuracy 71.00 against 53.00 %."}
    manifest = json.loads(place.read_text())
    manifest |= {"title": "A bag of words", "verdict": said, "metrics": {"test_accuracy": 71.0}}
    place.write_text(json.dumps({**manifest, "baselines": {"luck_accuracy": 53.0}}))
    return root


def _sent(value: Any) -> Any:
    """A value of an example; a size of each picture stands for its file."""
    if isinstance(value, list) and value and isinstance(value[0], tuple):
        return [base64.b64encode(picture(*size)).decode() for size in value]
    return value


def picture(height: int, width: int) -> bytes:
    """A grey PNG file."""
    levels = np.random.default_rng(height * width).integers(0, 256, (height, width), np.uint8)
    file = io.BytesIO()
    Image.fromarray(levels).save(file, "PNG")
    return file.getvalue()


@pytest.fixture(scope="session")
def url(models: Path) -> Iterator[str]:
    with serving("--models", models) as (port, _, _):
        found = f"http://127.0.0.1:{port}"
        until(lambda: urllib.request.urlopen(f"{found}/v2/health/ready", timeout=5).close() is None)
        yield found


@pytest.fixture(scope="module")  # longer, and its loop would run on beside other tests
def browser() -> Iterator[Browser]:
    program = shutil.which("chromium")
    if program is None:
        pytest.fail("the page is tested with chromium: apt-get install chromium", pytrace=False)
    with sync_playwright() as tools:
        opened = tools.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield opened
        opened.close()


Opened = Callable[..., Page]


@pytest.fixture
def visit(browser: Browser, url: str) -> Iterator[Opened]:
    """Opens an address; at the end the browser has found nothing to complain of."""
    complaints: list[str] = []
    contexts = []

    def opened(path: str = "/", size: dict[str, int] = WIDE, **options: Any) -> Page:
        context = browser.new_context(viewport=size, reduced_motion="reduce", **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(8000)
        page.on("console", lambda m: m.type in ("error", "warning") and complaints.append(m.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(url + path)
        page.locator("h1").wait_for()
        return page

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []
