"""`python -m pipelines.stylize --content A --style B --output C`: a style by optimisation.

Starts from the content picture and descends to features like its own and correlations like those
of the style (Gatys et al. 2016), with the loss network of a data set of params.yaml. No net is
trained; every picture takes its iterations anew. Paths are those of image files; the output is a
PNG.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from pipelines.params import DatasetParams, dataset_names, dataset_params
from repertoire.config import RepertoireError, parse
from repertoire.data.files import whole_file
from repertoire.data.image_files import read_whole, with_shorter_side
from repertoire.data.sources import SourceError, fetch
from repertoire.nn.perceptual import PerceptualLoss, optimised, pixels, scaled
from repertoire.readers.helpers.images.vgg import vgg16_weights
from repertoire.readers.styles import Config
from repertoire.training.progress import Countdown

READER = "styles"
SMALLEST, LARGEST = 16, 2048  # pixels of a shorter side


def stylize(content: Path, style: Path, output: Path, iterations: int, size: int) -> None:
    """Write ``output``, whole or not at all. Raises RepertoireError for what cannot be used."""
    if output.suffix.lower() != ".png":
        raise RepertoireError(f"{output}: does not end in .png; rename the output")
    if iterations < 1:
        raise RepertoireError(f"--iterations {iterations}: takes 1 or more")
    if not SMALLEST <= size <= LARGEST:
        raise RepertoireError(f"--size {size}: takes {SMALLEST} to {LARGEST}")
    torch.set_num_threads(os.cpu_count() or 1)  # someone waits, and no later digit is compared
    photograph, wanted = _read(content, size), _read(style, size)
    loss_network = _perceptual(wanted)
    with Countdown(iterations) as progress:
        for done, stage in enumerate(optimised(loss_network, photograph, iterations)):
            progress.step(done, {"content": stage.content, "style": stage.style})
    with whole_file(output) as partial:
        _save(partial, stage.picture)
    print(f"{output}: content loss {stage.content:.4g}, style loss {stage.style:.4g}")


def _read(path: Path, size: int) -> Tensor:
    """float (1, 3, height, width) with ``size`` pixels on the shorter side."""
    image = with_shorter_side(read_whole(path), size)
    return scaled(torch.from_numpy(image)[None])


def _perceptual(style: Tensor) -> PerceptualLoss:
    """As the first data set of styles in params.yaml has it, for the style of a picture."""
    params = _params()
    config = parse(Config, params.config, "params.yaml.datasets")
    if "loss_network" not in params.sources:
        raise SourceError("sources.loss_network: missing; its weights are read from it")
    path = fetch(params.sources["loss_network"])
    weights, widths = vgg16_weights(path, config.weights, config.measure)
    return PerceptualLoss(widths, config.measure).learn(weights, style)


def _params() -> DatasetParams:
    for name in dataset_names():
        if (params := dataset_params(name)).reader == READER:
            return params
    raise RepertoireError(
        f"params.yaml: no data set has the reader {READER}; its loss network is used"
    )


def _save(path: Path, picture: Tensor) -> None:
    from PIL import Image

    Image.fromarray(pixels(picture)[0].numpy()).save(path, "PNG")


def main(argv: Sequence[str] | None = None) -> None:
    """Known errors become one line and exit 1."""
    parser = argparse.ArgumentParser(prog="python -m pipelines.stylize", description=__doc__)
    for name in ("content", "style", "output"):
        parser.add_argument(f"--{name}", type=Path, required=True, metavar="FILE")
    parser.add_argument("--iterations", type=int, default=200, metavar="N")
    parser.add_argument(
        "--size", type=int, default=256, metavar="PIXELS", help="shorter side (default: 256)"
    )
    options = parser.parse_args(argv)
    try:
        stylize(**vars(options))
    except RepertoireError as error:
        sys.exit(f"stylize: {error}")
    except OSError as error:
        sys.exit(f"stylize: cannot write {error.filename or options.output}: {error.strerror}")


if __name__ == "__main__":
    main()
