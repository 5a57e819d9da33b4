"""Labelled texts: how they are split, encoded and scored without a net."""

import collections
import re

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix

from repertoire.config import parse
from repertoire.data.sources import Files, SourceError
from repertoire.data.splits import identity, split_of_groups
from repertoire.kinds.labelled_texts.baselines import (
    Candidate,
    Config,
    NGrams,
    Rival,
    bags,
    baselines,
    best,
    log_ratios,
    nbsvm,
)
from repertoire.kinds.labelled_texts.encoding import Texts, encode_labels
from repertoire.readers import messages, official_labels, sentiment, word_order
from tests.families import RECIPES
from tests.project import ROOT, SMALL_DATA
from tests.small.labels import write_messages, write_snippets

TEXTS = Texts("word", True, 1000, 400)


class Encoded:
    """What baselines need of a prepared data set."""

    def __init__(self, encoded):
        self.facts, self.arrays = encoded.facts, encoded.arrays.__getitem__
        self.texts = encoded.texts.__getitem__


def sentences(pairs=307):
    config = word_order.Config(3, pairs, 0.1, 0.2, TEXTS)
    return config, word_order.tabulate(config, Files())


def test_a_sentence_and_its_twin_hold_the_same_words_with_opposite_labels():
    _, table = sentences()
    labels = collections.defaultdict(list)
    for text, label in zip(table["text"], table["label"], strict=True):
        labels[tuple(sorted(re.findall(r"\w+|,|:", text)))].append(label)
    counts = [(each.count("positive"), each.count("negative")) for each in labels.values()]
    assert len(counts) > 250 and all(positive == negative for positive, negative in counts)


def test_held_out_combinations_of_adjectives_never_occur_in_training_but_each_word_does():
    _, table = sentences(2003)
    train, test = (table[table["split"] == split] for split in ("train", "test"))
    combinations = set(test["key"])
    assert len(combinations) > 40 and not combinations & set(train["key"])
    words = set(" ".join(train["text"]).split())
    assert {word for key in combinations for word in key.split()} <= words


def test_an_adjective_comes_first_as_often_meant_as_denied():
    first = [template.index("{0}") < template.index("{1}") for template in word_order.TEMPLATES]
    assert sum(first) == len(first) / 2


def test_a_bag_of_words_is_right_half_the_time_on_word_order():
    config, table = sentences()
    data = Encoded(word_order.encode(config, table))
    values = baselines(Config((1.0,), (2.0,), ()), data)
    for name in ("majority", "naive_bayes", "tfidf_logistic"):
        assert values[f"{name}_accuracy_percent"] == 50
        assert values[f"{name}_nats_per_text"] == pytest.approx(np.log(2), abs=1e-3)


def test_groups_stay_together_and_splits_have_about_their_shares():
    groups = pd.Series([f"g{n % 997}" for n in range(2003)])
    splits = split_of_groups(groups, 5, 0.1, 0.2)
    assert pd.Series(splits).groupby(groups).nunique().max() == 1
    shares = pd.Series(splits).value_counts(normalize=True)
    assert shares["test"] == pytest.approx(0.2, abs=0.05)
    assert shares["valid"] == pytest.approx(0.1, abs=0.04)


def test_texts_that_differ_in_digits_signs_or_case_alone_are_the_same():
    assert identity("WIN £500 now!!") == identity("win 900 Now") != identity("win nothing now")
    assert identity(":-)") == ":-)"


def test_ratings_near_nought_are_left_out_and_signs_decoded(tmp_path):
    write_snippets(tmp_path / "v")
    config = sentiment.Config("*/*.tar.gz", "*/movie*", 0.5, 1, 0.1, 0.2, TEXTS)
    table = sentiment.tabulate(config, Files(ratings=tmp_path / "v"))
    assert len(table) == 440 - 440 // 13
    assert set(table["rating"]) == {2.3, -1.7}
    assert table["text"].str.endswith("& more.").all()
    assert ((table["rating"] > 0) == (table["label"] == "positive")).all()


def test_snippets_of_one_document_stay_together():
    assert sentiment._document("17_3", "a") == sentiment._document("17_4", "b") == "17"
    assert sentiment._document("17", "a") != sentiment._document("17", "b")


def test_of_messages_that_differ_in_their_numbers_the_first_is_kept(tmp_path):
    write_messages(tmp_path / "m")
    config = messages.Config("*/data/*.csv", True, 0, 1, 0.1, 0.2, TEXTS)
    table = messages.tabulate(config, Files(messages=tmp_path / "m"))
    assert table["label"].value_counts().to_dict() == {"ham": 55, "spam": 44}
    assert not table["text"].str.endswith("7").any()


def test_folds_test_on_each_message_once_repeated_or_not(tmp_path):
    path = tmp_path / "SMSSpamCollection"
    path.write_text("".join(f"{'spam' if n % 7 else 'ham'}\tcall {n % 97}\n" for n in range(499)))
    tables = [
        messages.tabulate(
            messages.Config(None, False, fold, 5, 0.1, 0.2, TEXTS), Files(messages=path)
        )
        for fold in range(5)
    ]
    tests = pd.concat(table[table["split"] == "test"] for table in tables)
    assert sorted(tests.index) == list(range(499))
    assert all(table["key"].isna().all() for table in tables)
    assert all(0.05 < (table["split"] == "valid").mean() < 0.15 for table in tables)


def official(folder, **files):
    for name, lines in files.items():
        (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return Files({name: folder / name for name in files})


def test_three_official_files_are_the_splits(tmp_path):
    files = official(
        tmp_path,
        train=["label\tsentence", "0\thide new secretions ", "1\tgood ."],
        valid=["label\tcontent", "1\tgood ."],
        test=["label\tcontent", "0\tno movement , no yuks"],
    )
    config = official_labels.Config(("negative", "positive"), 7, 0, 0.0, TEXTS)
    table = official_labels.tabulate(config, files)
    assert table["split"].tolist() == ["train", "train", "valid", "test"]
    assert table["label"].tolist() == ["negative", "positive", "positive", "negative"]
    assert table["text"][0] == "hide new secretions" and table["key"][3] == "no movement no yuks"
    assert table["key"].isna().tolist() == [False, True, True, False]
    assert official_labels.encode(config, table).facts["known_share_test"] == 0


def test_without_an_official_part_some_of_training_validates(tmp_path):
    lines = [f"{n}\t영화{chr(0xAC00 + n)}\u2028좋다\t{n % 2}" for n in range(307)]
    files = official(
        tmp_path,
        train=["id\tdocument\tlabel", *lines, "999\t \t1"],
        test=["id\tdocument\tlabel", *lines[:2]],
    )
    config = official_labels.Config(("negative", "positive"), 99, 3, 0.1, TEXTS)
    table = official_labels.tabulate(config, files)
    counts = table["split"].value_counts()
    assert counts["test"] == 2 and counts["train"] + counts["valid"] == 307
    assert 15 < counts["valid"] < 50


def test_a_line_without_its_fields_is_named(tmp_path):
    files = official(tmp_path, train=["label\tsentence", "0\tyes", "no"], test=["label\tcontent"])
    config = official_labels.Config(("negative", "positive"), 7, 0, 0.1, TEXTS)
    with pytest.raises(SourceError, match="train: line 3 has not the 2 fields"):
        official_labels.tabulate(config, files)


def test_log_ratios_are_those_of_naive_bayes_by_hand():
    counts = np.array([[1, 0, 1], [1, 1, 0], [0, 1, 0]])
    # Counts + 1 are 2, 1, 2 of 5 in class 0 and 2, 3, 1 of 6 in class 1.
    expected = np.log([(2 / 6) / (2 / 5), (3 / 6) / (1 / 5), (1 / 6) / (2 / 5)])
    np.testing.assert_allclose(log_ratios(counts, np.array([0, 1, 1]) == 1, 1.0), expected)


@pytest.mark.parametrize("model", ["nbsvm", "svm", "logistic"])
def test_pairs_of_words_tell_what_single_words_do_not(model):
    texts = ["not good but bad", "not bad but good", "good not bad", "bad not good"]
    data = Encoded(labelled(texts, ["ham", "spam", "spam", "ham"]))
    name = "nbsvm" if model == "nbsvm" else f"word_tfidf_{model}"
    for lengths, right in (((1,), 50), ((1, 2), 100)):
        rival = Rival(model, "word", lengths, 1, (50.0,))
        values = baselines(Config((1.0,), (1.0,), (rival,)), data)
        assert values[f"{name}_accuracy_percent"] == right
        assert values[f"{name}_longest"] == len(lengths) and values[f"{name}_strength"] == 50
        assert (f"{name}_nats_per_text" in values) == (model == "logistic")


def unequal(rows, positive_share, seed):
    """Words that every text may hold, and a few that tell the rarer label; 0 or 1 a text."""
    rng = np.random.default_rng(seed)
    positive = rng.random(rows) < positive_share
    common = rng.random((rows, 2003)) < 1 / (np.arange(2003) + 7)
    telling = rng.random((rows, 17)) < np.where(positive[:, None], 0.2, 0.01)
    return csr_matrix(np.hstack((common, telling)).astype(float)), positive


def test_nbsvm_beats_the_majority_at_an_imbalance_of_87_to_13():
    present, positive = unequal(1511, 0.13, 7)
    weights, bias = nbsvm(present[:1009], positive[:1009], 1.0, 1.0)
    held = positive[1009:]
    accuracy = ((present[1009:] @ weights + bias > 0) == held).mean()
    assert accuracy > max(held.mean(), 1 - held.mean()) + 0.05


def test_nbsvm_without_its_machine_decides_as_naive_bayes_does():
    from sklearn.naive_bayes import MultinomialNB

    present, positive = unequal(307, 0.3, 3)
    weights, bias = nbsvm(present, positive, 1.0, 1.0, share=0.0)
    bayes = MultinomialNB(alpha=1.0).fit(present, positive).predict_log_proba(present)
    odds, margins = bayes[:, 1] - bayes[:, 0], present @ weights + bias
    scale = margins[0] / odds[0]
    assert scale > 0
    np.testing.assert_allclose(margins, scale * odds, rtol=1e-9, atol=1e-9)


def test_nbsvm_alone_is_the_machine_on_weighed_counts():
    from sklearn.svm import LinearSVC

    present, positive = unequal(307, 0.3, 5)
    weights, bias = nbsvm(present, positive, 1.0, 0.7, share=1.0)
    inputs = present.multiply(log_ratios(present, positive, 1.0)).tocsr()
    machine = LinearSVC(C=0.7, random_state=0).fit(inputs, positive)
    expected = machine.decision_function(inputs)
    np.testing.assert_allclose(present @ weights + bias, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("model", ["nbsvm", "svm", "logistic"])
def test_rivals_tell_three_classes(model):
    words = ("red rose", "blue sky", "green tree")
    texts = [f"{word} {place}" for word in words for place in ("here", "there", "again")]
    table = pd.DataFrame({"text": texts * 3, "label": np.repeat(["a", "b", "c"], 3).tolist() * 3})
    table["split"] = np.repeat(["train", "valid", "test"], len(texts))
    data = Encoded(encode_labels(table, TEXTS, ("a", "b", "c")))
    rival = Rival(model, "word", (1,), 1, (10.0,))
    values = baselines(Config((1.0,), (1.0,), (rival,)), data)
    name = "nbsvm" if model == "nbsvm" else f"word_tfidf_{model}"
    assert values[f"{name}_accuracy_percent"] == 100 == values[f"{name}_roc_auc_percent"]
    assert values["naive_bayes_accuracy_percent"] == 100


def test_validation_chooses_the_first_of_equals():
    labels = np.array([0, 1, 1])
    bad, good = (np.eye(2)[rows] for rows in ([0, 0, 1], [0, 1, 1]))
    found = best([Candidate({"n": n}, s, s) for n, s in enumerate((bad, good, good))], labels)
    assert found.settings == {"n": 1}


@pytest.mark.parametrize("unit", ["word", "char"])
def test_shorter_n_grams_are_those_that_are_read_by_themselves(unit):
    texts = ["good, not bad", "bad at all!", "good and not so bad"]
    data = Encoded(labelled(texts, ["ham", "spam", "ham"]))
    longest, alone = NGrams(unit, 3, 2, data), NGrams(unit, 2, 2, data)
    for split in ("train", "test"):
        known = longest.up_to(2)[split].toarray()
        assert known.shape[1] > 2
        assert (known == alone.up_to(2)[split].toarray()).all()


def test_signs_are_words_unless_the_data_set_sets_its_tokens_apart():
    texts = ["not bad!", "bad ! don't"]
    spaced = Texts("spaced", True, 1000, 400)
    for reading, expected in ((TEXTS, 4), (spaced, 5)):  # "bad!" is one token there
        data = Encoded(labelled(texts, ["ham", "spam"], reading))
        assert NGrams("word", 1, 1, data).up_to(1)["train"].shape[1] == expected


def test_a_line_without_a_tab_is_named(tmp_path):
    import zipfile

    with zipfile.ZipFile(tmp_path / "m", "w") as archive:
        archive.writestr("a/data/x.csv", "ham\tyes\nham no\n")
    config = messages.Config("*/data/*.csv", True, 0, 1, 0.1, 0.2, TEXTS)
    with pytest.raises(SourceError, match=r"x\.csv: line 2 has no tab"):
        messages.tabulate(config, Files(messages=tmp_path / "m"))


def labelled(texts, labels, reading=TEXTS):
    table = pd.DataFrame({"text": texts * 3, "label": labels * 3})
    table["split"] = np.repeat(["train", "valid", "test"], len(texts))
    return encode_labels(table, reading, ("ham", "spam"))


def test_rows_end_with_the_end_and_are_padded_with_nought():
    encoded = labelled(["one two", "one", "…one"], ["ham", "spam", "ham"])
    train = encoded.arrays["train"]
    assert train["tokens"].tolist() == [[3, 4, 1], [3, 1, 0], [5, 3, 1]]
    assert train["labels"].tolist() == [0, 1, 0]
    assert encoded.facts["classes"] == ["ham", "spam"] and encoded.facts["unknown_share_test"] == 0


def test_a_bag_counts_words_but_neither_padding_nor_the_end():
    found = bags(np.array([[3, 3, 4, 1], [2, 1, 0, 0]]), 6).toarray()
    assert found.tolist() == [[0, 0, 0, 2, 1, 0], [0, 0, 1, 0, 0, 0]]


def test_the_majority_is_right_as_often_as_its_class_occurs():
    data = Encoded(labelled(["one two", "one", "two"], ["ham", "spam", "ham"]))
    values = baselines(Config((1.0,), (1.0,), ()), data)
    assert values["majority_accuracy_percent"] == pytest.approx(200 / 3)
    assert values["majority_roc_auc_percent"] == 50
    assert values["majority_nats_per_text"] == pytest.approx(-np.log(4 / 27) / 3)


def test_naive_bayes_is_its_formula_by_hand():
    data = Encoded(labelled(["a b", "b"], ["ham", "spam"]))
    values = baselines(Config((1.0,), (1.0,), ()), data)
    # Vocabulary of 5 ids; counts + 1: ham a 2, b 2 of 7; spam a 1, b 2 of 6.
    first = (4 / 49) / (4 / 49 + 2 / 36)
    second = (2 / 6) / (2 / 6 + 2 / 7)
    expected = -(np.log(first) + np.log(second)) / 2
    assert values["naive_bayes_nats_per_text"] == pytest.approx(expected)


def test_every_labelled_data_set_is_stood_in_for():
    from repertoire.config import read_yaml

    blocks = read_yaml(ROOT / "params.yaml")["datasets"]
    used = {r["dataset"] for r in RECIPES.values() if r["family"] == "classifier"}
    for name in used:
        assert name in SMALL_DATA
        parse(Config, blocks[name]["baseline"], name)
