"""What the numbers of a model card do not show, said before somebody asks."""

import math
from collections.abc import Mapping
from typing import Any

from pipelines.params import Recipe
from pipelines.report.words import listed

SIGNIFICANT = 0.05  # p-values below it are taken for more than chance


def limits(facts: Mapping[str, Any], metrics: Mapping[str, float], recipe: Recipe) -> list[str]:
    """What the numbers do not show, said before somebody asks."""
    notes = [
        f"One training run with seed {recipe.seed}: standard errors are those of the test sample; "
        "how much the result varies between seeds was not measured."
    ]
    if facts["kind"] == "running_text":
        notes.append(
            f"It knows {facts['vocabulary']:,} tokens; {100 * facts['unknown_share_test']:.1f} % "
            "of the test tokens are outside them and count as one unknown token. Perplexities of "
            "different vocabularies cannot be compared."
        )
    if facts["kind"] in ("series", "panel"):
        what = "one course of one series" if facts["kind"] == "series" else "one course of time"
        notes.append(
            f"It was tested on {what}, from {facts['from']['test']} on: what "
            "never happened before then it cannot know, and intervals hold only while the series "
            "goes on as before. Neighbouring origins overlap, so their errors are not independent."
        )
    if filled := facts.get("filled"):
        notes.append(
            f"{filled:,} missing values were interpolated by straight lines, which lean on the "
            "value after the gap: errors around them are somewhat too small."
        )
    if "dm_p_value" in metrics:
        notes.append(against_the_strongest(metrics["dm_statistic"], metrics["dm_p_value"]))
    if facts["kind"] == "piano_rolls":
        notes.append(
            f"Frames are sampled {facts['steps_a_quarter']} times a quarter note: shorter notes "
            "are lost, a note struck again looks held, and nats a frame of another step are "
            "another measure. Metre and the place in the bar are not given to the net."
        )
    if facts["kind"] == "word_vectors":
        notes.append(_vector_limits(facts))
    if "exact_match_percent" in metrics:
        notes.append(
            f"{100 - metrics['exact_match_percent']:.1f} % of the test lines come out different "
            "from the reference when decoding is greedy. The net saw nothing but lines of "
            "this data set."
        )
    if facts["kind"] == "sentences":
        notes.append(_sentence_limit(facts))
    if facts["kind"] == "labelled_texts":
        notes.append(_label_limit(facts))
    if facts["kind"] == "captions" and "encoder" in facts:
        notes.append(_photograph_limit(facts))
    if facts["kind"] == "novelty":
        notes.append(_novelty_limit(facts, recipe.training.epochs))
    if facts["kind"] == "strokes":
        notes.append(_stroke_limit(facts))
    if facts["kind"] == "image_pairs":
        notes.append(_pair_limit(facts))
    if facts["kind"] == "image_domains":
        notes.append(_domain_limit(facts))
    pictures = facts["kind"] in ("images", "stacked_images")
    return notes + (_picture_limits(facts, metrics) if pictures else [])


def _pair_limit(facts: Mapping[str, Any]) -> str:
    return (
        f"It turns {facts['side']} × {facts['side']} pixels ({facts['source']}) into as many "
        f"({facts['target']}), whatever is sent. A source leaves much of its target open: the "
        "error of the mean of all possible targets is less than that of a sharp one, and neither "
        "number says which a person would prefer. The noise of training, dropout, is off."
    )


def _domain_limit(facts: Mapping[str, Any]) -> str:
    if "judges" not in facts:
        a, b = (100 * share for share in facts["share_of_variance"].values())
        return (
            "Distances compare means and covariances of principal components of the training "
            f"pixels, which hold {a:.0f} % and {b:.0f} % of the variance: what an image shows they "
            "do not see. They cannot be compared with distances elsewhere, nor one direction with "
            f"the other. No evaluation classifier: {facts['left_out']['frechet_distance']}."
        )
    accuracies = " and ".join(f"{100 * a:.0f} %" for a in facts["judge_valid_accuracies"].values())
    return (
        "Distances are in the features of small judges, one of each domain, trained on its "
        "pictures and labels: they cannot be compared with distances elsewhere, nor one direction "
        f"with the other. The judges know {accuracies} of real validation pictures, so the share "
        "of kept classes is as uncertain as they are. The translators saw no label."
    )


def _photograph_limit(facts: Mapping[str, Any]) -> str:
    counts = facts["photographs"]
    return (
        f"It sees through {facts['encoder']}, and learned to speak from {counts['train']:,} "
        f"photographs: it says what is frequent among them. {counts['test']:,} test photographs "
        "are few, and BLEU of another subset or another split into words cannot be compared."
    )


def _stroke_limit(facts: Mapping[str, Any]) -> str:
    nats = f"Nats are those of a density whose unit of length is {facts['unit']}."
    return nats + (
        " It knows no end of a sketch and draws as many points as are asked for. Offsets are "
        "whole numbers that were spread evenly within their step."
        if "fonts" not in facts
        else " No hand wrote these words: they are made up of frequent letter pairs and drawn from "
        f"the fonts {', '.join(facts['fonts'])} with seeded distortions."
    )


def against_the_strongest(statistic: float, p_value: float) -> str:
    """What Diebold and Mariano's test (1995) says, in words."""
    rival = "the baseline that was the strongest on validation"
    if p_value >= SIGNIFICANT:
        verdict = f"the difference from {rival} may be chance"
    elif statistic < 0:
        verdict = f"its errors are smaller than those of {rival}"
    else:
        verdict = f"{rival} has smaller errors"
    return f"Diebold–Mariano statistic {statistic:.2f} (p-value {p_value:.3f}): {verdict}."


def _label_limit(facts: Mapping[str, Any]) -> str:
    return f"{100 * facts['unknown_share_test']:.1f} % of the test tokens are unknown to it."


def _sentence_limit(facts: Mapping[str, Any]) -> str:
    return (
        f"It knows {facts['vocabulary']:,} tokens and saw only sentences that consist of them: "
        "every other word is one unknown word to it, and longer sentences are kept worse. It finds "
        "sentences built alike, which need not mean the same."
    )


def _vector_limits(facts: Mapping[str, Any]) -> str:
    if "judged" not in facts:
        return (
            f"It knows {facts['vocabulary']:,} words of its one text. Nobody judged whether words "
            "that lie close are alike: the loss alone was measured."
        )
    parts = [
        f"{judged['valid'] + judged['test']} of the {judged['all']} of {name}"
        for name, judged in facts["judged"].items()
    ]
    scatter = [
        f"by ±{100 / max(1, judged['test'] - 1) ** 0.5:.0f} % for {name}"
        for name, judged in facts["judged"].items()
        if name != "analogies"
    ]
    return (
        f"It knows {facts['vocabulary']:,} words of its one text, and so only "
        f"{listed(parts)} have vectors; half of these decide. Correlations of so few pairs scatter "
        f"by chance: {listed(scatter)}."
    )


def _novelty_limit(facts: Mapping[str, Any], epochs: int) -> str:
    counted = facts.get("images") or facts["rows"]
    chosen = (
        "labels of validation rows chose the epoch that is kept"
        if epochs > 1
        else ("no label was looked at in training")
    )
    return (
        f"What is new was tested by what this data set holds, not by all that may come; {chosen}. "
        "Thresholds were set by the normal ones "
        f"of {counted['valid']:,} validation rows: the share of false alarms holds while normal "
        "things stay as they were."
    )


def _picture_limits(facts: Mapping[str, Any], metrics: Mapping[str, float]) -> list[str]:
    channels = {1: "one channel", 3: "three channels"}[facts["channels"]]
    notes = [f"Pictures are {facts['side']} × {facts['side']} pixels of {channels}."]
    if "frechet_distance" in metrics:
        notes.append(
            "The Fréchet distance is measured in the features of a small judge trained on the same "
            f"pictures ({facts.get('judge', 'see the data')}): it cannot be compared with "
            "distances published elsewhere."
        )
    if "modes_covered" in metrics:
        notes.append(
            f"A mode is covered if the judge reads its number once in {facts['images']['test']:,} "
            "images, however badly it is written: even noise is some digit to a judge."
        )
    if "class_change_percent" in metrics:
        notes.append(
            "Which class a new picture is of is the word of that judge, who is right about "
            f"{100 * facts['judge_valid_accuracy']:.1f} % of real validation pictures."
        )
    if any(key.endswith("elbo_nats") for key in metrics):
        notes.append(
            "The bounds are of binarised images: nats of grey or continuous images elsewhere are "
            "another measure. The true likelihood is at least as good as the bound, by an unknown "
            "amount."
        )
    if any(key.startswith("negative_conditional") for key in metrics):
        notes.append(
            "Its nats are those of an image whose label is told; a net that is not told it has to "
            f"earn up to {math.log(facts['classes']):.2f} nats more."
        )
    return notes
