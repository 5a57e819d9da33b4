"""What is particular to word vectors: sampling, the loss, and agreement with people."""

import itertools

import numpy as np
import pytest
import torch
from scipy.sparse import csr_matrix
from scipy.stats import spearmanr

from repertoire.families.word_vectors.evaluation import held_out_nats
from repertoire.families.word_vectors.learner import block_loss, seen
from repertoire.families.word_vectors.ngrams import fnv1a, ngrams, pieces
from repertoire.kinds.word_vectors.baselines import (
    Config,
    HeldOut,
    baselines,
    cooccurrences,
    held_out,
    positive_information,
    svd,
)
from repertoire.kinds.word_vectors.windows import (
    Sampling,
    held_out_windows,
    keep_probability,
    neighbours,
    noise_distribution,
    thinned_words,
)
from repertoire.metrics.uncertainty import Scores, standard_errors, values
from repertoire.metrics.word_vectors import (
    analogies_right,
    judged_measurements,
    negative_sampling_measurement,
    spearman,
)
from repertoire.training.torch_run import TorchRun
from tests.families import small


def built(name, project):
    family, config, data, _ = small(name, project.folder)
    torch.manual_seed(0)
    network = family.build(config, data.facts)
    with torch.no_grad():
        network.other.normal_()
    return family, config, data, network


def test_rank_correlation_is_that_of_scipy_with_ties():
    rng = np.random.default_rng(0)
    for size in (3, 17, 101):
        one, other = rng.integers(0, 7, size), rng.random(size)
        other[: size // 2] = one[: size // 2]
        assert spearman(one, other) == pytest.approx(spearmanr(one, other)[0], abs=1e-12)


def test_rank_correlation_with_one_hot_vectors_is_undefined():
    assert np.isnan(spearman(np.zeros(11), np.arange(11)))


def test_subsampling_keeps_a_word_by_the_root_of_threshold_over_share():
    keep = keep_probability(np.array([50, 9, 90, 9, 1]), 0.01)
    assert keep[2:] == pytest.approx([np.sqrt(0.01 / 0.9), np.sqrt(0.01 / 0.09), 1.0])


def test_thinning_keeps_ends_drops_unknown_words_and_leaves_the_expected_number():
    tokens = np.tile([2, 1, 3, 0], 5003)
    kept = thinned_words(tokens, np.array([0.0, 1.0, 0.25, 1.0]), np.random.default_rng(0))
    counts = np.bincount(kept, minlength=4)
    assert counts[0] == counts[3] == 5003 and counts[1] == 0
    assert counts[2] == pytest.approx(5003 / 4, abs=5 * np.sqrt(5003 * 3 / 16))


def test_noise_follows_counts_to_the_three_quarters():
    noise = noise_distribution(np.array([99, 99, 16, 81]), 0.75)
    assert noise == pytest.approx([0, 0, 8 / 35, 27 / 35])


def test_neighbours_stay_within_their_passage():
    words, around = neighbours(np.array([2, 3, 4, 0, 5, 0, 6, 7]), 2)
    assert words.tolist() == [2, 3, 4, 6, 7]
    assert around.tolist() == [[0, 0, 3, 4], [0, 2, 4, 0], [2, 3, 0, 0], [0, 0, 7, 0], [0, 6, 0, 0]]


def test_blocks_and_windows_see_the_same_pairs():
    ids = torch.tensor([[2, 3, 0, 4, 5, 6, 7]])
    sees = seen(ids, torch.full((1, 7), 2))[0]
    pairs = {(int(ids[0, i]), int(ids[0, j])) for i, j in sees.nonzero().tolist()}
    words, around = neighbours(ids[0].numpy(), 2)
    expected = {(int(w), int(o)) for w, row in zip(words, around, strict=True) for o in row if o}
    assert pairs == expected and len(pairs) == int(sees.sum())


def test_a_reach_of_one_sees_only_the_next_word():
    sees = seen(torch.tensor([[2, 3, 4]]), torch.tensor([[1, 1, 2]]))[0]
    assert sees.tolist() == [[0, 1, 0], [1, 0, 1], [1, 1, 0]]


@pytest.mark.parametrize("name", ["skip_gram", "cbow"])
def test_the_loss_of_one_pair_is_the_one_written_out_by_hand(name, project):
    _, config, _, network = built(name, project)
    ids, noise = torch.tensor([[2, 3]]), torch.tensor([4, 5, 5])
    sees = torch.tensor([[[0.0, 1.0], [0.0, 0.0]]])  # 2 sees 3, and nothing sees 2
    found = float(block_loss(network, ids, sees, noise))
    given, other = network.given.detach().numpy(), network.other.detach().numpy()
    # Skip-gram tells 3 by 2; the bag of words tells 2 by what it sees, which is 3.
    by, told = (2, 3) if name == "skip_gram" else (3, 2)

    def log_s(x):
        return -np.log1p(np.exp(-x))

    against = [log_s(-given[by] @ other[n]) for n in (4, 5, 5)]
    expected = -log_s(given[by] @ other[told]) - config.sampling.negatives * np.mean(against)
    assert found == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("name", ["skip_gram", "cbow", "skip_gram_subwords"])
def test_the_held_out_loss_is_that_of_training_over_all_pairs(name, project):
    family, config, data, network = built(name, project)
    tokens = np.array([2, 3, 4, 5, 0, 6, 7, 0])
    counts = np.arange(1, data.facts["vocabulary"] + 1)
    run = TorchRun(family.graphs(network, data.facts))
    [found] = values((held_out_nats(run, config, tokens, counts),)).values()
    words, _, noise = held_out_windows(tokens, counts, config.sampling, 25)
    sees = seen(torch.from_numpy(tokens)[None], torch.full((1, 8), config.sampling.window))
    place = {int(word): n for n, word in enumerate(tokens)}
    total, pairs = 0.0, 0.0
    for word, draws in zip(words, noise, strict=True):
        mine = torch.zeros_like(sees)
        mine[0, place[int(word)]] = sees[0, place[int(word)]]
        count = float(mine.sum()) if config.model == "skip_gram" else 1.0
        one = block_loss(network, torch.from_numpy(tokens)[None], mine, torch.from_numpy(draws))
        total, pairs = total + count * float(one), pairs + count
    assert found == pytest.approx(total / pairs, rel=1e-5)


def test_positive_information_of_a_tiny_text_is_its_closed_form():
    seen_pairs = cooccurrences(np.array([2, 3, 0, 2, 3, 0, 2, 4]), 1, 5)
    assert seen_pairs.toarray()[2:, 2:].tolist() == [[0, 2, 1], [2, 0, 0], [1, 0, 0]]
    found = positive_information(seen_pairs, 1.0).toarray()
    # P(2,3) = 2/6, P(2) = 3/6, P(3) = 2/6; P(2,4) = 1/6, P(4) = 1/6.
    assert found[2, 3] == pytest.approx(np.log(2)) and found[4, 2] == pytest.approx(np.log(2))
    assert np.count_nonzero(found) == 4
    flat = positive_information(seen_pairs, 0.5).toarray()
    total = np.sqrt(3) + np.sqrt(2) + 1
    assert flat[2, 3] == pytest.approx(np.log(2 * total / (3 * np.sqrt(2))))


def test_near_neighbours_count_for_more():
    seen_pairs = cooccurrences(np.array([2, 3, 4]), 2, 5).toarray()
    assert seen_pairs[2, 3] == 1 and seen_pairs[2, 4] == seen_pairs[4, 2] == 0.5


def test_singular_vectors_rebuild_a_matrix_of_low_rank():
    rng = np.random.default_rng(1)
    factor = rng.random((23, 3))
    left, singular = svd(factor @ factor.T, 3)
    vectors = left * singular**0.5
    np.testing.assert_allclose(vectors @ vectors.T, factor @ factor.T, atol=1e-9)


def counted(sampling, tokens, pairs, priors=(2.0, 2e9), exponents=(0.0, 1.0)):
    """What ``held_out`` finds where the validation text is the test text."""
    config = Config(sampling, 5, (1.0,), (1.0,), priors, exponents)
    text = HeldOut(sampling, pairs, tokens, np.bincount(tokens, minlength=pairs.shape[0]))
    found = Scores()
    held_out(found, config, text, text)
    return found


def test_the_unigram_tells_words_from_noise_by_their_shares_alone():
    sampling = Sampling(window=1, negatives=3, noise_power=0.0, subsample=1.0)
    pairs = csr_matrix(np.diag([0, 0, 29, 9]))  # one pseudo-count more makes 30 and 10
    tokens = np.tile([2, 2, 0, 3, 3, 0], 5003)
    found = counted(sampling, tokens, pairs, priors=(1e12,), exponents=(0.0,))
    # Noise is even over two words: the odds of a word are its share over 3 / 2.
    odds = np.array([0.75, 0.25]) / 1.5
    near = np.log1p(1 / odds).mean()
    far = 3 * np.log1p(odds).mean()
    assert found["unigram_cbow_nats"] == pytest.approx(near + far, rel=2e-3)
    assert found["unigram_skip_gram_nats"] == pytest.approx(near + far, rel=2e-3)
    assert found["counts_skip_gram_nats"] == found["unigram_skip_gram_nats"]
    assert found["naive_bayes_cbow_nats"] == found["unigram_cbow_nats"]


def test_smoothed_counts_beat_the_unigram_where_neighbours_matter():
    sampling = Sampling(window=1, negatives=3, noise_power=1.0, subsample=1.0)
    tokens = np.tile([2, 3, 0, 4, 5, 0], 211)
    pairs = cooccurrences(tokens, 1, 6, weighted=False)
    found = counted(sampling, tokens, pairs)
    for counts, net in (("counts", "skip_gram"), ("naive_bayes", "cbow")):
        assert found[f"{counts}_{net}_nats"] < found[f"unigram_{net}_nats"] - 0.5
    assert found["counts_prior"] == found["naive_bayes_prior"] == 2.0
    assert found["naive_bayes_exponent"] == 1.0


def test_naive_bayes_multiplies_what_its_neighbours_say():
    sampling = Sampling(window=2, negatives=3, noise_power=1.0, subsample=1.0)
    pairs = csr_matrix(
        np.array([[0] * 5, [0] * 5, [0, 0, 1, 4, 2], [0, 0, 4, 0, 3], [0, 0, 2, 3, 5]])
    )
    tokens = np.array([2, 3, 4, 0, 4, 2, 0])
    text = HeldOut(sampling, pairs, tokens, np.array([9, 9, 7, 7, 10]))
    [evidence] = text.neighbours_evidence((6.0,))
    share = np.array([8, 8, 11]) / 27  # counts of 7, 7 and 10, one pseudo-count more

    def said(given, word):
        row = pairs.toarray()[given]
        chance = (row[word] + 6 * share[word - 2]) / (row.sum() + 6)
        return np.log(chance / share[word - 2])

    assert text.words.tolist() == [2, 3, 4, 4, 2]
    assert evidence[0, 0] == pytest.approx(said(3, 2) + said(4, 2))
    assert evidence[1, 0] == pytest.approx(said(2, 3) + said(4, 3))
    assert evidence[3, 0] == pytest.approx(said(2, 4))
    noise = text.noise[1, 6]
    assert evidence[1, 7] == pytest.approx(said(2, noise) + said(4, noise))


def test_validation_chooses_the_settings_of_vectors_by_counting(project):
    _, _, data, _ = small("skip_gram", project.folder)
    sampling = Sampling(window=3, negatives=5, noise_power=0.75, subsample=1.0)
    found = baselines(Config(sampling, 5, (0.75, 1.0), (0.0, 1.0), (7.0,), (1.0,)), data)
    alone = {
        (power, weight): baselines(
            Config(sampling, 5, (power,), (weight,), (7.0,), (1.0,)), Turned(data)
        )
        for power in (0.75, 1.0)
        for weight in (0.0, 1.0)
    }
    key = "ppmi_svd_simlex999_spearman"
    chosen = (found[f"{key}_power"], found[f"{key}_eigenvalue_power"])
    # With the splits in each other's place, the same settings have the highest value.
    best = max(values[f"{key}_percent"] for values in alone.values())
    assert alone[chosen][f"{key}_percent"] == best


class Turned:
    """A data set whose validation split is called test."""

    def __init__(self, data):
        self.data = data

    def arrays(self, name):
        return self.data.arrays({"valid": "test", "test": "valid"}.get(name, name))


def test_analogies_exclude_the_words_of_the_question():
    # On a grid, b - a + c is the fourth corner; its neighbour c would win otherwise.
    vectors = np.array([[9, 9, 9], [9, 9, 9], [1, 0, 1], [1, 1, 1], [4, 0, 1], [4, 1, 1.0]])
    questions = np.array([[2, 3, 4, 5], [3, 2, 5, 3]])
    assert analogies_right(vectors, questions, 2).tolist() == [True, False]


def test_the_graph_answers_analogies_as_the_metric_does(project):
    family, _, data, network = built("skip_gram", project)
    run = TorchRun(family.graphs(network, data.facts))
    vectors = run("embed", ids=np.arange(data.facts["vocabulary"]))["vectors"]
    asked = np.array(list(itertools.permutations(range(2, 9), 3))[::7])
    found = run("analogy", a=asked[:, 0], b=asked[:, 1], c=asked[:, 2])["top_ids"][:, 0]
    right = np.column_stack((asked, found))
    assert analogies_right(vectors, right, 2).all()


def test_no_word_is_its_own_neighbour_and_cosines_fall(project):
    family, _, data, network = built("skip_gram", project)
    run = TorchRun(family.graphs(network, data.facts))
    ids = np.arange(data.facts["vocabulary"])
    found = run("nearest", ids=ids)
    assert (found["top_ids"] >= 2).all() and (found["top_ids"] != ids[:, None]).all()
    assert (np.diff(found["cosines"], axis=1) <= 0).all()


def test_n_grams_are_those_between_brackets_without_the_whole():
    assert ngrams("where", 3, 3) == ["<wh", "whe", "her", "ere", "re>"]
    assert ngrams("a", 3, 6) == []
    assert ngrams("ab", 3, 4) == ["<ab", "ab>"]


def test_the_hash_has_the_published_values():
    assert [fnv1a(text) for text in ("", "a", "foobar")] == [0x811C9DC5, 0xE40C292C, 0xBF9CF968]


def test_a_word_is_the_mean_of_its_own_row_and_those_of_its_n_grams(project):
    _, config, data, network = built("skip_gram_subwords", project)
    words = data.facts["words"]
    size, number = len(words), words.index("king")
    grams = ngrams("king", config.min_n, config.max_n)
    rows = [number, *(size + fnv1a(gram) % config.buckets for gram in grams)]
    expected = network.given[rows].mean(0)
    found = network.vectors(torch.tensor([[number, 0], [3, number]]))
    torch.testing.assert_close(found[0, 0], expected)
    torch.testing.assert_close(found[1, 1], expected)
    torch.testing.assert_close(found[0, 1], network.given[0])


def test_without_buckets_a_word_is_its_own_row_alone():
    rows, starts = pieces(["<eos>", "<unk>", "king"], 2, (3, 6, 0))
    assert rows.tolist() == starts.tolist() == [0, 1, 2]


def test_a_pair_is_judged_in_one_split_however_often_it_occurs(project):
    _, _, data, _ = small("skip_gram", project.folder)
    known = []
    for split in ("valid", "test"):
        arrays = data.arrays(split)
        pairs = [arrays[f"{name}_pairs"] for name in ("wordsim353", "simlex999")]
        assert all(len(each) > 10 for each in pairs)
        known.append({frozenset(pair) for pair in np.concatenate(pairs).tolist()})
    assert not known[0] & known[1]
    judged = data.facts["judged"]["wordsim353"]
    assert judged["all"] == 62 and judged["valid"] + judged["test"] == 61


def test_the_same_held_out_windows_come_for_who_asks_again():
    sampling = Sampling(window=2, negatives=5, noise_power=0.75, subsample=0.1)
    counts = np.array([9, 9, 31, 17, 5])
    tokens = np.random.default_rng(3).integers(0, 5, 211)
    one, other = (held_out_windows(tokens, counts, sampling, 7) for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))
    assert one[2].min() >= 2 and not (one[1] == 1).any()


def test_one_hot_vectors_are_all_equally_far_apart_and_embeddings_are_not(project):
    family, config, data, network = built("skip_gram", project)
    run = TorchRun(family.graphs(network, data.facts))
    snapshots = {k: v[None] for k, v in family.snapshot(run, config, data).items()}
    figures = family.illustrate(run, config, data, snapshots)
    one_hot, made = next(f for f in figures if f.name == "distances").lines
    assert one_hot.y == pytest.approx([np.sqrt(2)] * 101)
    assert made.y == sorted(made.y) and made.y[-1] - made.y[0] > 0.1


def test_the_standard_error_of_analogies_is_that_of_a_share():
    rng = np.random.default_rng(5)
    vectors, pairs = rng.normal(size=(31, 7)), rng.integers(2, 31, (101, 2))
    questions = rng.integers(2, 31, (211, 4))
    right = analogies_right(vectors, questions, 2)
    arrays = {"own_pairs": pairs, "own_scores": rng.random(101), "analogies": questions}
    found = judged_measurements(vectors, arrays, 2)
    assert [m.units for m in found] == [101, 211]
    assert values(found)["analogies_percent"] == pytest.approx(100 * right.mean())
    errors = standard_errors(found)
    expected = 100 * right.std(ddof=1) / 211**0.5
    assert errors["analogies_percent"] == pytest.approx(expected, rel=0.2)
    # Of unrelated values the rank correlation scatters by 1 / (pairs - 1)^½.
    assert errors["own_spearman_percent"] == pytest.approx(100 / 10, rel=0.3)


def test_blocks_of_words_make_up_the_loss_of_all():
    rng = np.random.default_rng(6)
    near, far = rng.normal(size=(1511, 3)), rng.normal(size=(1511, 5))
    mask = rng.random((1511, 3)) < 0.7
    found = negative_sampling_measurement("loss", near, mask, far, 5)
    assert found.units == 3
    pairs = mask.sum(1)
    expected = (np.log1p(np.exp(-near)) * mask).sum(1)
    expected = expected + 5 * np.log1p(np.exp(far)).mean(1) * pairs
    assert values((found,))["loss"] == pytest.approx(expected.sum() / pairs.sum())
    first = slice(0, 504)  # numpy splits evenly, the first part one larger
    assert found.measure(np.array([0]))["loss"] == pytest.approx(
        expected[first].sum() / pairs[first].sum()
    )
