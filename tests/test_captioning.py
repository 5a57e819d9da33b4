"""What is particular to captions: their words, their data, decoding, and BLEU."""

import numpy as np
import pandas as pd
import pytest
import torch

from repertoire.config import RepertoireError, parse
from repertoire.families.captioning.evaluation import heated, nats
from repertoire.families.captioning.network import Cell
from repertoire.kinds.captions.baselines import moved, nearest_pictures
from repertoire.metrics.bleu import caption_metrics, corpus_bleu
from repertoire.readers import digit_scenes
from repertoire.readers.digit_scenes import Placed, caption, compose
from repertoire.training.torch_run import TorchRun
from tests.families import small

BOTH = pytest.mark.parametrize("name", ["scenes_plain", "scenes_attention"])


def made(name, project, **changes):
    """Network, run, config and data of a small recipe with random weights."""
    family, config, data, _ = small(name, project.folder)
    torch.manual_seed(5)
    network = family.build(config, {**data.facts, **changes}).eval()
    with torch.no_grad():
        network.decoder.output.bias[0] -= 30  # as after training, padding is never said
    return network, TorchRun(family.graphs(network, data.facts)), config, data


@pytest.mark.parametrize(
    ("placed", "words"),
    [
        ([(7, 3, 2), (2, 0, 27)], "a seven left of a two"),
        ([(2, 3, 27), (7, 0, 2)], "a seven left of a two"),
        ([(6, 14, 1), (6, 17, 28)], "two sixes side by side"),
        ([(3, 1, 14), (7, 27, 12)], "a three above a seven"),
        ([(1, 2, 0), (8, 26, 28)], "a one above and left of an eight"),
        ([(1, 26, 0), (8, 2, 28)], "an eight above and right of a one"),
        ([(5, 1, 28), (4, 2, 0), (9, 25, 13)], "a four and a five above a nine"),
        ([(5, 1, 13), (4, 25, 0), (4, 28, 26)], "a five above two fours"),
        ([(0, 1, 13), (4, 28, 28), (8, 25, 0)], "a zero above an eight and a four"),
    ],
)
def test_known_places_have_one_caption(placed, words):
    digits = [Placed(*each) for each in placed]
    assert caption(digits, 14) == caption(digits[::-1], 14) == words


def test_every_layout_is_told_apart_from_its_places_at_any_jitter():
    relation = {
        "side by side": "left of",
        "stacked": "a one above a two",
        "falling": "above and left of",
        "rising": "a two above and right of a one",
        "two over one": "a one and a two above a three",
        "one over two": "a one above a two and a three",
    }
    rng = np.random.default_rng(0)
    for layout, variants in digit_scenes.LAYOUTS.items():
        for variant in variants:
            for _ in range(53):
                moved = 14 * np.array(variant) + rng.integers(-4, 5, (len(variant), 2))
                places = np.clip(moved, 0, 28)
                digits = [Placed(n, int(t), int(x)) for n, (t, x) in enumerate(places, 1)]
                assert relation[layout] in caption(digits, 14)


def test_a_scene_shows_its_digits_at_their_places_and_nothing_else():
    one, two = np.full((5, 5), 100), np.full((5, 5), 200)
    rows = pd.DataFrame(
        {"scene": ["a", "a"], "top": [0, 3], "left": [0, 3], "pixels": [one.ravel(), two.ravel()]}
    )
    [image] = compose(rows, 5)
    assert image.shape == (10, 10) and image.dtype == np.uint8
    assert (image[3:8, 3:8] == 200).all()
    assert image[:3, :3].min() == 100 and (image == 100).sum() == 25 - 4
    assert (image == 0).sum() == 100 - 25 - 25 + 4


def test_no_digit_image_is_in_the_scenes_of_two_splits(project):
    block = project.full_datasets["digit_scenes"]
    config = parse(digit_scenes.Config, block["config"], "config")
    files = project.files("digit_scenes")
    table = digit_scenes.tabulate(config, files)
    images = {
        split: {pixels.tobytes() for pixels in table.loc[table["split"] == split, "pixels"]}
        for split in ("train", "valid", "test")
    }
    assert all(len(found) > 20 for found in images.values())
    assert not images["train"] & images["test"]
    assert not images["valid"] & (images["train"] | images["test"])
    assert digit_scenes.tabulate(config, files).equals(table)


def test_prepared_captions_are_their_texts_with_an_end_and_padding(project):
    *_, data = made("scenes_plain", project)
    ids, texts = data.arrays("test")["captions"], data.texts("test")["caption"]
    encoding = data.encoding("caption")
    known = [(row, text) for row, text in zip(ids, texts, strict=True) if (row != 2).all()]
    assert len(known) > len(texts) / 2  # the small data lack some plurals
    for row, text in known:
        assert encoding.decode(row) == text
        length = len(text.split())
        assert row[length] == encoding.end and (row[length + 1 :] == 0).all()
        assert (row[:length] > 1).all()


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_bleu_is_that_of_sacrebleu(order):
    from sacrebleu.metrics import BLEU

    rng = np.random.default_rng(order)
    texts = [" ".join(rng.choice(list("abc"), n)) for n in rng.integers(4, 12, 94)]
    references, longer, shorter = texts[:47], texts[47:], [t[:-4] for t in texts[:47]]
    scorer = BLEU(max_ngram_order=order, tokenize="none", smooth_method="none")
    for guesses in (longer, shorter, references):
        expected = scorer.corpus_score(guesses, [references]).score
        wanted = [[r.split()] for r in references]
        found = corpus_bleu([g.split() for g in guesses], wanted, order)
        assert found == pytest.approx(expected, rel=1e-9)
    assert found == pytest.approx(100)


def test_clipped_precision_is_that_of_the_example_of_the_paper():
    # Papineni et al. 2002, section 2.1, example 2; the guess is as long as its first reference.
    guess, reference = ["the"] * 7, ["the", "cat", "is", "on", "the", "mat", "now"]
    assert corpus_bleu([guess], [[reference]], 1) == pytest.approx(100 * 2 / 7)
    assert corpus_bleu([guess], [[reference]], 2) == 0


def test_captions_match_any_reference_and_each_order_is_scored_by_itself():
    found = caption_metrics(["a b c d", "x"], [["d c b a", "a b d c"], ["y", "x"]])
    assert found["exact_match_percent"] == 50
    # All five words, and of three pairs one.
    assert found["bleu_1_percent"] == 100
    assert found["bleu_2_percent"] == pytest.approx(100 * np.sqrt(1 / 3))
    assert found["bleu_3_percent"] == found["bleu_4_percent"] == 0


def test_captions_too_short_for_an_order_count_nothing():
    assert caption_metrics(["a", ""], [["a b c d"], ["a"]])["bleu_4_percent"] == 0
    assert caption_metrics([""], [["a b"]])["bleu_1_percent"] == 0


def test_the_nearest_picture_is_the_one_with_least_distance():
    rng = np.random.default_rng(7)
    known = rng.integers(0, 256, (31, 5, 5), dtype=np.uint8)
    order = rng.permutation(31)
    noisy = np.clip(known[order].astype(int) + rng.integers(-9, 10, known.shape), 0, 255)
    found = nearest_pictures(11, 0, 0, known, noisy.astype(np.uint8))
    assert (found == order).all()


def test_a_picture_that_was_moved_is_found_again_only_among_moved_ones():
    known = np.zeros((31, 13, 13), np.uint8)
    known[:, 2:-2, 2:-2] = np.random.default_rng(7).integers(0, 256, (31, 9, 9))
    asked = moved(known, 1, -2)
    np.testing.assert_array_equal(asked[:, 1:, :-2], known[:, :-1, 2:])
    assert (nearest_pictures(23, 2, 0, known, asked) == np.arange(31)).all()
    assert (nearest_pictures(23, 0, 0, known, asked) == np.arange(31)).mean() < 0.5


def test_the_cell_is_that_of_pytorch():
    torch.manual_seed(0)
    ours, theirs = Cell(5, 7), torch.nn.LSTMCell(5, 7)
    assert (ours.gates.bias[7:14] == 1).all()
    with torch.no_grad():
        theirs.weight_ih.copy_(ours.gates.weight[:, :5])
        theirs.weight_hh.copy_(ours.gates.weight[:, 5:])
        theirs.bias_ih.copy_(ours.gates.bias)
        theirs.bias_hh.zero_()
    given, hidden, cell = torch.randn(3, 5), torch.randn(3, 7), torch.randn(3, 7)
    expected = theirs(given, (hidden, cell))
    for one, other in zip(ours(given, hidden, cell), expected, strict=True):
        torch.testing.assert_close(one, other)


@BOTH
def test_a_caption_scores_what_its_decoder_said(name, project):
    _, run, _, data = made(name, project)
    images = data.arrays("test")["images"][:5]
    decoded = run("caption", images=images, max_length=np.array(7))
    scored = run("score", images=images, target=decoded["tokens"])["log_probs"]
    total = (scored * (decoded["tokens"] != 0)).sum(1)
    np.testing.assert_allclose(total, decoded["log_prob"], atol=1e-4)


@BOTH
def test_a_caption_ends_once_and_is_padded_after_its_end(name, project):
    network, run, _, data = made(name, project)
    images = data.arrays("test")["images"][:13]
    with torch.no_grad():
        network.decoder.output.bias[1] += 0.35  # so that some end early and none at once
    decoded = run("caption", images=images, max_length=np.array(23))
    tokens = decoded["tokens"]
    ended = (tokens == 1).argmax(1)
    assert ((tokens == 1).sum(1) <= 1).all() and (tokens == 1).any()
    for row, end in zip(tokens, ended, strict=True):
        assert (row[end + 1 :] == 0).all() or row[end] != 1
    alone = run("caption", images=images[:1], max_length=np.array(23))
    length = alone["tokens"].shape[1]
    assert (tokens[0, :length] == alone["tokens"][0]).all() and (tokens[0, length:] == 0).all()
    assert run("caption", images=images, max_length=np.array(2))["tokens"].shape[1] <= 2


@BOTH
def test_padding_changes_no_score_before_it(name, project):
    _, run, config, data = made(name, project)
    arrays = data.arrays("test")
    arrays = {name: values[:7] for name, values in arrays.items()}
    images, target = arrays["images"], arrays["captions"].astype(np.int64)
    wider = np.pad(target, ((0, 0), (0, 5)))
    one = run("score", images=images, target=target)["log_probs"]
    other = run("score", images=images, target=wider)["log_probs"]
    np.testing.assert_allclose(other[:, : target.shape[1]], one, atol=1e-6)
    padded = {**arrays, "captions": wider}
    for found, expected in zip(nats(run, config, padded), nats(run, config, arrays), strict=True):
        assert found == pytest.approx(expected)


def test_attention_sums_to_one_until_the_end_and_to_nothing_after(project):
    network, run, _, data = made("scenes_attention", project)
    images = data.arrays("test")["images"][:13]
    with torch.no_grad():
        network.decoder.output.bias[1] += 0.35
    found = run("caption", images=images, max_length=np.array(11))
    assert found["attention"].shape == (*found["tokens"].shape, 7, 7)
    sums = found["attention"].sum((2, 3))
    np.testing.assert_allclose(sums, found["tokens"] != 0, atol=1e-5)


def test_a_token_of_a_plain_net_depends_on_all_before_it_and_on_the_picture(project):
    _, run, _, data = made("scenes_plain", project)
    images = data.arrays("test")["images"][:1].repeat(3, 0)
    images[1] = 0
    target = np.array([[3, 4, 5, 6], [3, 4, 5, 6], [7, 4, 5, 6]])
    scores = run("score", images=images, target=target)["log_probs"]
    assert (scores[0] != scores[1]).all()
    assert (scores[0, 1:] != scores[2, 1:]).all()


def test_heat_is_red_where_a_word_looks_most_and_nothing_where_it_does_not():
    weights = np.zeros((3, 3))
    weights[1, 2], weights[0, 0] = 0.5, 0.25
    paper = np.full((6, 6, 3), 255)
    mixed = heated(paper, weights).astype(int)
    assert (mixed[4:, :4] == 255).all()
    assert (mixed[2:4, 4:] == np.round(0.2 * 255 + 0.8 * np.array([190, 40, 20]))).all()
    assert (mixed[:2, :2, 1] > mixed[2:4, 4:, 1]).all()


def test_an_image_side_that_cannot_be_halved_thrice_is_refused(project):
    with pytest.raises(RepertoireError, match="side 60 is not a multiple of 8"):
        made("scenes_plain", project, side=60)
