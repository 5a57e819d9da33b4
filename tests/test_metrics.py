"""Metrics, against closed forms."""

import numpy as np
import pytest

from repertoire.kinds.pairs.metrics import signatures, text_measurement, variety_measurement
from repertoire.kinds.running_text.blocks import in_blocks
from repertoire.metrics import generation
from repertoire.metrics.gate import margin_over
from repertoire.metrics.generation import (
    EvaluationClassifier,
    class_coverage,
    coverage_measurement,
    coverage_percent,
    distance_measurement,
    distance_of_halves,
    distance_of_stacked_halves,
    frechet_distance,
    mode_coverage,
)
from repertoire.metrics.pictures import thinned
from repertoire.metrics.rounding import rounded
from repertoire.metrics.uncertainty import standard_errors, values


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


def test_the_distance_of_groups_of_samples_is_that_of_their_samples():
    rng = np.random.default_rng(7)
    first, second = rng.standard_normal((1009, 5)), 2 * rng.standard_normal((503, 5)) + 1
    found = distance_measurement(first, second)
    everything = found.measure(np.arange(found.units))
    assert everything["frechet_distance"] == pytest.approx(frechet_distance(first, second))
    rows = np.array([3, 3, 17])
    parts = [
        np.concatenate([np.array_split(x, found.units)[row] for row in rows])
        for x in (first, second)
    ]
    assert found.measure(rows)["frechet_distance"] == pytest.approx(frechet_distance(*parts))


def test_the_error_of_a_distance_is_that_of_many_samples():
    rng = np.random.default_rng(8)
    drawn = [
        (rng.standard_normal((1009, 3)), rng.standard_normal((1009, 3)) + 1) for _ in range(101)
    ]
    spread = np.std([frechet_distance(*pair) for pair in drawn], ddof=1)
    error = standard_errors([distance_measurement(*drawn[0])])["frechet_distance"]
    assert error == pytest.approx(spread, rel=0.25)


def test_the_distance_of_halves_knows_no_order_of_the_images():
    rng = np.random.default_rng(9)
    # Two clusters, one after the other: in the order of the file the halves would be far apart.
    sorted_ones = np.concatenate((rng.standard_normal((503, 3)), 9 + rng.standard_normal((503, 3))))
    found = distance_of_halves(sorted_ones, (251, 251))
    mixed = distance_of_halves(rng.permutation(sorted_ones), (251, 251))
    gap = found["frechet_distance"] - mixed["frechet_distance"]
    assert abs(gap) < found["frechet_distance_spread"]
    assert frechet_distance(sorted_ones[:503], sorted_ones[503:]) > 50 * found["frechet_distance"]


def test_the_distance_of_halves_falls_as_one_over_their_size_and_is_scaled_where_they_are_few():
    features = np.random.default_rng(10).standard_normal((8009, 13))
    few, many = (distance_of_halves(features, (n, n))["frechet_distance"] for n in (251, 2003))
    assert few / many == pytest.approx(2003 / 251, rel=0.3)
    # 997 images are too few for twice 2,003; sets of 498 are drawn instead.
    scaled = distance_of_halves(features[:997], (2003, 2003))["frechet_distance"]
    assert scaled == pytest.approx(many, rel=0.3)


def test_halves_are_disjoint_and_of_the_sizes_that_are_asked_for(monkeypatch):
    seen = []
    monkeypatch.setattr(generation, "frechet_distance", lambda *pair: seen.append(pair) or 0.0)
    features = np.arange(211.0)[:, None]
    distance_of_halves(features, (101, 53))
    distance_of_stacked_halves(features, 31, 997, 3)
    assert [(len(a), len(b)) for a, b in seen] == [(101, 53)] * 20 + [(997, 997)] * 20
    assert all(not set(a.ravel()) & set(b.ravel()) for a, b in seen)
    assert all(a.shape == b.shape == (997, 3) for a, b in seen[20:])
    assert {len(np.unique(a)) for a, _ in seen[20:]} == {31}
    assert min(len(np.unique(b)) for _, b in seen[20:]) > 170  # all the others


def test_coverage_counts_real_points_that_have_a_generated_one_within_their_fifth_neighbour():
    # Of 0 to 12 on a line the ends reach 5 far, their neighbours 4, all others 3.
    real = np.arange(13.0)[:, None]
    assert coverage_percent(np.array([[-5.0]]), real) == pytest.approx(100 / 13)
    assert coverage_percent(np.array([[-5.1]]), real) == 0
    assert coverage_percent(np.array([[6.0]]), real) == pytest.approx(100 * 7 / 13)
    assert coverage_percent(real, real) == 100


def test_samples_of_the_same_distribution_cover_what_theory_says():
    generated, real = np.random.default_rng(11).standard_normal((2, 2003, 7))
    assert coverage_percent(generated, real) == pytest.approx(100 * (1 - 2**-5), abs=1.5)


def test_noise_and_a_constant_cover_little():
    rng = np.random.default_rng(12)
    # Real samples lie near a curve; a thousand times their mean is in the middle of them.
    turn = rng.uniform(0, 2 * np.pi, 1009)
    real = np.stack((np.cos(turn), np.sin(turn)), 1) + 0.01 * rng.standard_normal((1009, 2))
    assert coverage_percent(rng.uniform(-9, 9, (1009, 2)), real) < 10
    assert coverage_percent(np.zeros((1009, 2)), real) < 10
    assert coverage_percent(np.repeat(real[:1], 1009, axis=0), real) < 10


def test_samples_are_compared_in_parts_and_no_more_than_are_allowed(monkeypatch):
    rng = np.random.default_rng(5)
    generated, real = rng.standard_normal((2, 97, 3))
    whole = coverage_percent(generated, real)
    assert 50 < whole < 100
    monkeypatch.setattr(generation, "ROWS", 7)
    assert coverage_percent(generated, real) == whole
    monkeypatch.setattr(generation, "COMPARED", 11)
    some = coverage_percent(generated[:11], real[:11])
    assert coverage_percent(generated, real) == some


def test_the_coverage_of_drawn_images_counts_both_kinds_of_them():
    real = np.arange(13.0)[:, None]
    generated = np.concatenate((real[:1] - 5, np.full((12, 1), 99.0)))
    found = coverage_measurement(generated, real)
    assert found.units == 13
    assert found.measure(np.array([0, 0, 1, 1])) == {"coverage_percent": 50}
    assert found.measure(np.array([1, 2])) == {"coverage_percent": 0}  # none is near


def test_coloured_images_are_judged_channel_by_channel():
    # One pixel a side, so that the two outputs of the classifier compare it with one half.
    classifier = EvaluationClassifier(
        {"weight_0": np.array([[-1.0, 1.0]]), "bias_0": np.array([0.5, -0.5])}
    )
    images = np.array([[255, 0, 255], [0, 0, 255]], np.uint8)[:, None, None]
    assert classifier.classes(images).tolist() == [0b101, 0b001]
    assert classifier.features(images).tolist() == [[1, 0, 1], [0, 0, 1]]


def test_the_judge_is_the_perceptron_of_scikit_learn():
    from sklearn.neural_network import MLPClassifier

    rng = np.random.default_rng(2)
    images = rng.integers(0, 256, (89, 4, 4), dtype=np.uint8)
    labels = rng.integers(0, 3, 89)
    flat = images.reshape(89, -1) / 255
    model = MLPClassifier((7, 5), max_iter=3, random_state=0).fit(flat, labels)
    weights = {f"weight_{d}": w.astype(np.float32) for d, w in enumerate(model.coefs_)}
    biases = {f"bias_{d}": b.astype(np.float32) for d, b in enumerate(model.intercepts_)}
    classifier = EvaluationClassifier({**weights, **biases})
    assert (classifier.classes(images) == model.predict(flat)).all()
    assert classifier.features(images).shape == (89, 5)


def text_metrics(*measured):
    return values([text_measurement(*measured)])


def variety(texts):
    return values([variety_measurement(texts)])


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


def test_variety_of_drawn_texts_is_that_of_the_texts_written_out():
    rng = np.random.default_rng(5)
    texts = [" ".join(rng.choice(list("abcdefg"), n)) for n in rng.integers(0, 5, 31)]
    rows = rng.integers(0, 31, 31)
    drawn = variety_measurement(texts).measure(rows)
    assert drawn == pytest.approx(variety([texts[row] for row in rows]))


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
