"""Metrics, against closed forms."""

import numpy as np
import pytest

from repertoire.metrics import generation
from repertoire.metrics.blocks import in_blocks
from repertoire.metrics.gate import margin_over
from repertoire.metrics.generation import (
    Judge,
    class_coverage,
    frechet_distance,
    mode_coverage,
    precision_and_recall,
)
from repertoire.metrics.pictures import thinned
from repertoire.metrics.rounding import rounded
from repertoire.metrics.text import signatures, text_measurement, text_metrics, variety


def test_frechet_distance_of_shifted_features_is_the_squared_shift():
    features = np.random.default_rng(0).standard_normal((503, 7))
    shift = np.arange(7) / 3
    assert frechet_distance(features, features + shift) == pytest.approx(float(shift @ shift))


def test_frechet_distance_of_scaled_features_is_the_gap_of_their_deviations():
    features = np.random.default_rng(1).standard_normal((503, 5))
    features -= features.mean(0)
    expected = np.trace(np.cov(features, rowvar=False)) * (3 - 1) ** 2
    assert frechet_distance(features, 3 * features) == pytest.approx(float(expected))


def test_coverage_counts_classes_and_measures_the_distance_from_even():
    assert class_coverage(np.arange(10).repeat(3), 10) == pytest.approx(
        {"classes_covered": 10, "class_divergence_nats": 0}, abs=1e-12
    )
    one = class_coverage(np.zeros(31, int), 10)
    assert one == pytest.approx({"classes_covered": 1, "class_divergence_nats": np.log(10)})


def test_a_class_is_covered_from_a_tenth_of_its_even_share_on():
    # Of two classes a tenth of the even share is one sample of twenty.
    assert class_coverage(np.array([0] * 19 + [1]), 2)["classes_covered"] == 2
    assert class_coverage(np.array([0] * 20 + [1]), 2)["classes_covered"] == 1


def test_frechet_distance_of_fewer_samples_than_features_is_a_number():
    features = np.random.default_rng(6).standard_normal((5, 13))
    assert frechet_distance(features, features) == pytest.approx(0, abs=1e-6)
    assert frechet_distance(features, features + 1) == pytest.approx(13)


def test_a_mode_is_covered_by_one_sample_and_even_draws_diverge_by_what_theory_says():
    found = mode_coverage(np.array([0, 0, 0, 5]), 7)
    expected = 0.75 * np.log(0.75 * 7) + 0.25 * np.log(0.25 * 7)
    assert found == pytest.approx({"modes_covered": 2, "mode_divergence_nats": expected})
    even = mode_coverage(np.random.default_rng(3).integers(0, 101, 20011), 101)
    assert even["modes_covered"] == 101
    # Twice the count times the divergence is chi squared with 100 degrees of freedom.
    assert 2 * 20011 * even["mode_divergence_nats"] == pytest.approx(100, abs=50)


def test_precision_and_recall_count_points_within_the_reach_of_third_neighbours():
    # Of 0 to 10 on a line the ends reach 3 far, the others 2: they cover from -3 to 13.
    real = np.arange(11.0)[:, None]
    generated = np.array([[-3.1], [-3.0], [4.5], [13.0], [13.1]])
    found = precision_and_recall(generated, real)
    assert found["sample_precision_percent"] == pytest.approx(60)
    assert found["sample_recall_percent"] == 100


def test_a_generator_that_knows_one_of_two_clusters_is_precise_and_recalls_its_share():
    rng = np.random.default_rng(4)
    near, far = rng.standard_normal((7, 3)), 100 + rng.standard_normal((11, 3))
    found = precision_and_recall(near, np.concatenate((near, far)))
    assert found == pytest.approx(
        {"sample_precision_percent": 100, "sample_recall_percent": 100 * 7 / 18}
    )
    apart = precision_and_recall(-near - 100, near)
    assert apart == {"sample_precision_percent": 0, "sample_recall_percent": 0}


def test_samples_are_compared_in_parts_and_no_more_than_are_allowed(monkeypatch):
    rng = np.random.default_rng(5)
    generated, real = rng.standard_normal((2, 23, 3))
    whole = precision_and_recall(generated, real)
    assert 0 < whole["sample_precision_percent"] < 100
    monkeypatch.setattr(generation, "ROWS", 7)
    assert precision_and_recall(generated, real) == whole
    monkeypatch.setattr(generation, "COMPARED", 11)
    some = precision_and_recall(generated[:11], real[:11])
    assert precision_and_recall(generated, real) == some != whole


def test_coloured_images_are_judged_channel_by_channel():
    # One pixel a side, so that the two outputs of the judge compare it with one half.
    judge = Judge({"weight_0": np.array([[-1.0, 1.0]]), "bias_0": np.array([0.5, -0.5])})
    images = np.array([[255, 0, 255], [0, 0, 255]], np.uint8)[:, None, None]
    assert judge.classes(images).tolist() == [0b101, 0b001]
    assert judge.features(images).tolist() == [[1, 0, 1], [0, 0, 1]]


def test_the_judge_is_the_perceptron_of_scikit_learn():
    from sklearn.neural_network import MLPClassifier

    rng = np.random.default_rng(2)
    images = rng.integers(0, 256, (89, 4, 4), dtype=np.uint8)
    labels = rng.integers(0, 3, 89)
    flat = images.reshape(89, -1) / 255
    model = MLPClassifier((7, 5), max_iter=3, random_state=0).fit(flat, labels)
    weights = {f"weight_{d}": w.astype(np.float32) for d, w in enumerate(model.coefs_)}
    biases = {f"bias_{d}": b.astype(np.float32) for d, b in enumerate(model.intercepts_)}
    judge = Judge({**weights, **biases})
    assert (judge.classes(images) == model.predict(flat)).all()
    assert judge.features(images).shape == (89, 5)


def test_text_metrics_are_a_hundred_for_equal_strings_and_low_for_others():
    same = text_metrics(["2001-02-03", "가나다라마"], ["2001-02-03", "가나다라마"])
    assert same == pytest.approx(dict.fromkeys(same, 100.0))
    other = text_metrics(["xyz"], ["가나다"])
    assert other["exact_match_percent"] == 0 and other["chrf_percent"] < 1


def test_bleu_of_words_is_that_of_published_translations():
    from sacrebleu import corpus_bleu

    guesses = ["A man in an orange Hat starring at something.", "The dog runs, the dog jumps!"]
    references = ["a man in an orange hat starring at it.", "The dog runs and the dog jumps!"]
    found = text_metrics(guesses, references, ["words"])
    expected = corpus_bleu(guesses, [references]).score
    assert found["bleu_13a_percent"] == pytest.approx(expected)
    small = corpus_bleu([g.lower() for g in guesses], [[r.lower() for r in references]]).score
    assert found["bleu_13a_lowercase_percent"] == pytest.approx(small) and small > expected
    assert set(signatures(["words"])) - set(signatures()) == {"bleu_13a", "bleu_13a_lowercase"}


def test_variety_counts_different_words_and_pairs_of_words():
    assert variety(["a b a b", "a b", ""]) == pytest.approx(
        {"distinct_1_percent": 100 * 2 / 6, "distinct_2_percent": 100 * 2 / 4}
    )
    assert "distinct_1_percent" in text_metrics(["a"], ["b"], ["variety"])
    assert variety(["", ""]) == {"distinct_1_percent": 0, "distinct_2_percent": 0}


def test_a_margin_is_positive_when_better_in_either_direction():
    assert margin_over("lower", 3, 5) == 2 and margin_over("higher", 3, 5) == -2


def test_thinned_frames_keep_first_and_last():
    frames = np.arange(23)
    kept = thinned(frames, 5)
    assert len(kept) == 5 and kept[0] == 0 and kept[-1] == 22
    assert len(thinned(frames[:3], 5)) == 3


def test_rounding_keeps_significant_digits_and_leaves_words():
    assert rounded({"a": 123456.789, "b": "x"}) == {"a": 123457.0, "b": "x"}


@pytest.mark.parametrize("measures", [(), ("words", "variety")])
def test_scores_of_summed_sentences_are_those_of_sacrebleu_for_any_part_of_them(measures):
    from sacrebleu.metrics import BLEU, CHRF

    rng = np.random.default_rng(7)
    words = ["alpha", "Beta", "gam,ma", "델타", "is", "not."]
    guesses, references = (
        [" ".join(rng.choice(words, rng.integers(1, 9))) for _ in range(53)] for _ in range(2)
    )
    measurement = text_measurement(guesses, references, measures)
    rows = rng.integers(0, 53, 31)
    found = measurement.measure(rows)
    given, wanted = ([texts[row] for row in rows] for texts in (guesses, references))
    scorers = {"chrf": CHRF(), "bleu": BLEU(tokenize="char")}
    if measures:
        scorers |= {"bleu_13a": BLEU(), "bleu_13a_lowercase": BLEU(lowercase=True)}
        assert found["distinct_1_percent"] == variety(given)["distinct_1_percent"]
    for name, scorer in scorers.items():
        expected = scorer.corpus_score(given, [wanted]).score
        assert 0 < expected < 100 and found[f"{name}_percent"] == pytest.approx(expected)


def test_a_stream_is_cut_into_blocks_of_which_the_last_is_shorter():
    sums, counts = in_blocks(np.arange(13.0), 5)
    assert sums.tolist() == [10, 35, 33] and counts.tolist() == [5, 5, 3]
    assert [part.tolist() for part in in_blocks(np.arange(7.0), 500)] == [[6, 15], [4, 3]]
