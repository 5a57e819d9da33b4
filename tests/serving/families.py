"""One small model of each kind of task, made by the tests of those tasks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import standins
import test_captions_task
import test_classify_task
import test_detect_task
import test_image_translation_task
import test_recommend_task
import test_sentences_task
import test_style_task
import test_waveform_tasks
import test_words_task
import test_write_task


def every(root: Path) -> Path:
    """A folder of models with every task there is."""
    table = np.log(np.random.default_rng(7).dirichlet(np.ones(5), 5)).astype(np.float32)
    standins.doubling(root / "double")
    standins.bigram(root / "bigram", table, ("a", "b", "c"))
    standins.mirror(root / "mirror")
    standins.negative(root / "negative")
    standins.tinted(root / "tinted")
    standins.carillon(root / "carillon")
    standins.continuing(root / "course", [[-3, 1, 2], [-5, 2, 7]], lookback=5)
    standins.side_by_side(root / "pair", ["load", "heat"], lookback=3)
    test_captions_task.counting(root / "counter")
    test_classify_task.write_bag(root / "bag", {"classes": ["dull", "fine"]})
    test_detect_task.write(root / "shades", pictures=True)
    test_detect_task.write(root / "tables", pictures=False)
    test_image_translation_task.negative(root / "both_ways", ["a_to_b", "b_to_a"], 3)
    test_recommend_task.recommender(root / "films")
    test_sentences_task.autoencoder(root / "sentences")
    test_style_task.darkening(root / "dark")
    test_waveform_tasks.staircase(root / "staircase")
    test_words_task.vectors(root / "words")
    test_write_task.pen(root / "pen", reads=True)
    return root
