"""The task `sample` of coloured pictures, against a painter whose colours are its latents."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper
from PIL import Image
from standins import graph_entry, graph_model, write_manifest
from starlette.testclient import TestClient

SEED = 13


def painter(folder: Path) -> None:
    """Fills 5 x 7 pixels with 255 in each of three colours whose latent is positive."""
    latents = [("latents", "float32", ("batch", 3))]
    images = [("images", "uint8", ("batch", 5, 7, 3))]
    node = helper.make_node
    nodes = [
        node("Greater", ["latents", "nought"], ["positive"]),
        node("Where", ["positive", "white", "nought"], ["shade"]),
        node("Unsqueeze", ["shade", "places"], ["pixel"]),
        node("Expand", ["pixel", "size"], ["painted"]),
        node("Cast", ["painted"], ["images"], to=TensorProto.UINT8),
    ]
    weights = {
        "white": np.array(255, np.float32),
        "nought": np.array(0, np.float32),
        "places": np.array([1, 2]),
        "size": np.array([1, 5, 7, 3]),
    }
    model = graph_model(nodes, latents, images, weights)
    write_manifest(
        folder, "gan", ["sample"], [graph_entry(folder, "decode", model, latents, images)]
    )


@pytest.fixture(scope="session")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("pictures")
    painter(root / "painter")
    return root


def colours(count: int) -> np.ndarray:
    drawn = np.random.default_rng(SEED).standard_normal((count, 3), np.float32)
    return np.where(drawn > 0, 255, 0).astype(np.uint8)


def test_drawn_pictures_have_the_colours_of_the_graph(client: TestClient) -> None:
    body = {"count": 11, "seed": SEED}
    answer = client.post("/v1/models/painter/sample", json=body).json()
    for image, colour in zip(answer["images"], colours(11), strict=True):
        pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(image))))
        assert np.array_equal(pixels, np.tile(colour, (5, 7, 1)))


def test_a_sheet_of_coloured_pictures_is_coloured(client: TestClient) -> None:
    answer = client.post(
        "/v1/models/painter/sample",
        json={"count": 3, "seed": SEED},
        headers={"Accept": "image/png"},
    )
    sheet = np.asarray(Image.open(io.BytesIO(answer.content)))
    assert sheet.shape == (2 * 6 - 1, 2 * 8 - 1, 3)
    assert [sheet[0, 0].tolist(), sheet[0, 8].tolist(), sheet[6, 0].tolist()] == colours(3).tolist()
    assert not sheet[5].any() and not sheet[:, 7].any() and not sheet[6:, 8:].any()
