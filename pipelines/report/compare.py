"""Each model against what it must beat, and against the references beside it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipelines.report.words import (
    baseline_words,
    better_of,
    listed,
    lowered,
    metric_words,
    number,
)
from repertoire.metrics.gate import margin_over

# Metric pattern and the baseline that is shown beside the gate; {…} is filled from the recipe's
# config. A floor is what real data reach: a model is not expected below it.
BESIDE: tuple[tuple[str, str, bool], ...] = (
    (r"perplexity", "kneser_ney_perplexity", False),
    (r"rescored_accuracy_percent", "recogniser_rescored_accuracy_percent", False),
    (r"rescored_accuracy_percent", "kneser_ney_rescored_accuracy_percent", False),
    (r"chrf_percent", "nearest_neighbour_chrf_percent", False),
    (r"bleu_percent", "nearest_neighbour_bleu_percent", False),
    (r"bleu_13a_percent", "nearest_neighbour_bleu_13a_percent", False),
    (r"exact_match_percent", "nearest_neighbour_exact_match_percent", False),
    (r"distinct_2_percent", "reference_distinct_2_percent", False),
    (r"bleu_4_percent", "nearest_picture_bleu_4_percent", False),
    (r"negative_iwae_\d+_nats", "bernoulli_mixture_nats", False),
    (r"negative_drawn_iwae_\d+_nats", "drawn_bernoulli_mixture_nats", False),
    (r"negative_conditional_iwae_\d+_nats", "class_bernoulli_mixture_nats", False),
    (r"label_agreement_percent", "real_label_agreement_percent", False),
    (r"reconstruction_mse", "pca_{latent}_mse", False),
    (r"grey_mse", "pca_{latent}_grey_mse", False),
    (r"psnr_db", "pca_{latent}_psnr_db", False),
    (r"probe_accuracy_percent", "pca_{latent}_probe_accuracy_percent", False),
    (r"denoising_gain_db", "median_denoising_gain_db", False),
    (r"denoising_gain_db", "wiener_denoising_gain_db", False),
    (r"denoising_gain_db", "pca_denoising_gain_db", False),
    (r"roc_auc_percent", "pca_roc_auc_percent", False),
    (r"roc_auc_percent", "relative_pca_roc_auc_percent", False),
    (r"roc_auc_percent", "mahalanobis_roc_auc_percent", False),
    (r"roc_auc_percent", "isolation_forest_roc_auc_percent", False),
    (r"roc_auc_percent", "nearest_roc_auc_percent", False),
    (r"accuracy_percent", "naive_bayes_accuracy_percent", False),
    (r"accuracy_percent", "tfidf_logistic_accuracy_percent", False),
    (r"accuracy_percent", "char_tfidf_logistic_accuracy_percent", False),
    (r"accuracy_percent", "char_tfidf_svm_accuracy_percent", False),
    (r"accuracy_percent", "nbsvm_accuracy_percent", False),
    (r"f1_spam_percent", "naive_bayes_f1_spam_percent", False),
    (r"f1_spam_percent", "char_tfidf_svm_f1_spam_percent", False),
    (r"nats_per_frame", "chord_bigram_nats_per_frame", False),
    (r"frame_accuracy_percent", "repeat_frame_accuracy_percent", False),
    (r"wordsim353_spearman_percent", "ppmi_svd_wordsim353_spearman_percent", False),
    (r"simlex999_spearman_percent", "ppmi_svd_simlex999_spearman_percent", False),
    (r"analogies_percent", "ppmi_svd_analogies_percent", False),
    (r"skip_gram_nats", "counts_skip_gram_nats", False),
    (r"token_accuracy_percent", "linear_autoencoder_token_accuracy_percent", False),
    (r"exact_match_percent", "linear_autoencoder_exact_match_percent", False),
    (r"nats_per_token", "vectorless_nats_per_token", False),
    (r"order_accuracy_percent", "lsa_order_accuracy_percent", False),
    (r"question_auc_percent", "lsa_question_auc_percent", False),
    (r"recall_percent", "lsa_recall_percent", False),
    (r"recall_percent", "mean_words_recall_percent", False),
    (r"frechet_distance", "real_halves_frechet_distance", True),
    (r"frechet_distance", "gaussian_pixels_frechet_distance", False),
    (r"sample_precision_percent", "gaussian_pixels_sample_precision_percent", False),
    (r"sample_recall_percent", "gaussian_pixels_sample_recall_percent", False),
    (r"modes_covered", "gaussian_pixels_modes_covered", False),
    (r"mode_divergence_nats", "gaussian_pixels_mode_divergence_nats", False),
    (r"mode_divergence_nats", "real_test_mode_divergence_nats", True),
    (r"perceptual_loss", "photograph_{style}_perceptual_loss", False),
    (r"perceptual_loss", "colours_{style}_perceptual_loss", False),
    (r"perceptual_loss", "optimised_10_{style}_perceptual_loss", False),
    (r"perceptual_loss", "optimised_25_{style}_perceptual_loss", False),
    (r"perceptual_loss", "optimised_50_{style}_perceptual_loss", False),
    (r"perceptual_loss", "optimised_80_{style}_perceptual_loss", False),
    (r"a_to_b_frechet_distance", "identity_a_to_b_frechet_distance", False),
    (r"b_to_a_frechet_distance", "identity_b_to_a_frechet_distance", False),
    (r"frechet_distance", "histogram_frechet_distance", False),
    (r"frechet_distance", "transport_frechet_distance", False),
    (r"class_kept_percent", "identity_class_kept_percent", False),
    (r"class_kept_percent", "transport_class_kept_percent", False),
    (r"l1_levels", "identity_l1_levels", False),
    (r"l1_levels", "linear_map_l1_levels", False),
    (r"ssim", "identity_ssim", False),
    (r"ssim", "nearest_source_ssim", False),
    (r"ssim", "linear_map_ssim", False),
    (r"pinball_loss", "ar_pinball_loss", False),
    (r"pinball_loss", "volatility_pinball_loss", False),
    (r"mse", "persistence_mse", False),
    (r"mse", "seasonal_naive_mse", False),
    (r"mae", "ridge_mae", False),
    (r"mae", "persistence_mae", False),
    (r"mae", "volatility_mae", False),
    (r"mae", "seasonal_naive_mae", False),
    (r"mae", "ar_mae", False),
    (r"nats_per_point", "gaussian_nats_per_point", False),
    (r"ndcg_100_percent", "popularity_ndcg_100_percent", False),
    (r"ndcg_100_percent", "item_knn_ndcg_100_percent", False),
    (r"ndcg_100_percent", "ease_ndcg_100_percent", False),
    (r"ndcg_10_percent", "item_knn_ndcg_10_percent", False),
    (r"ndcg_10_percent", "ease_ndcg_10_percent", False),
    (r"recall_20_percent", "ease_recall_20_percent", False),
    (r"found_10_percent", "item_knn_found_10_percent", False),
    (r"found_10_percent", "ease_found_10_percent", False),
    (r"end_of_stroke_accuracy_percent", "never_end_of_stroke_accuracy_percent", False),
)


@dataclass(frozen=True)
class Comparison:
    """One value of a model beside one value of a baseline; ``wanted`` only at the gate."""

    metric: str
    unit: str
    value: float
    baseline: str
    baseline_value: float
    margin: float
    beats: bool
    better: str
    wanted: float | None = None
    floor: bool = False

    @property
    def ratio(self) -> str:
        """How many times better the model is: above 1 it beats the baseline."""
        pair = (self.baseline_value, self.value)
        above, below = pair if self.better == "lower" else pair[::-1]
        return f"{above / below:.2f}" if below > 0 else "–"

    @property
    def verdict(self) -> str:
        """The last cell of the row, in words."""
        if self.floor:
            return "below the floor" if self.beats else "above the floor"
        if self.wanted is not None and not self.beats and self.margin > 0:
            return f"✗ not beaten by the {self.wanted:g} wanted"
        return "✓ beats it" if self.beats else "✗ not beaten"


def comparisons(
    gate: Mapping[str, Any],
    metrics: Mapping[str, float],
    baselines: Mapping[str, Any],
    config: Mapping[str, Any],
) -> list[Comparison]:
    """The gate first, then the references beside it that both sides have measured."""
    name, unit = metric_words(gate["metric"])
    rows = [
        Comparison(
            name,
            unit,
            gate["value"],
            baseline_words(gate["baseline"], baselines),
            gate["baseline_value"],
            gate["margin"],
            gate["passed"],
            gate["better"],
            gate["wanted"],
        )
    ]
    for pattern, template, floor in BESIDE:
        key = re.sub(r"\{(\w+)\}", lambda m: str(config.get(m[1])), template)
        for metric in metrics:
            known = (metric, key) == (gate["metric"], gate["baseline"])
            if re.fullmatch(pattern, metric) and key in baselines and not known:
                rows.append(_beside(metric, metrics[metric], key, baselines, floor))
    return rows


def _beside(
    metric: str, value: float, key: str, baselines: Mapping[str, Any], floor: bool
) -> Comparison:
    better = better_of(metric)
    margin = margin_over(better, value, baselines[key])
    return Comparison(
        *metric_words(metric),
        value,
        baseline_words(key, baselines),
        baselines[key],
        margin,
        margin > 0,
        better,
        floor=floor,
    )


def verdicts(models: list[tuple[str, list[Comparison]]]) -> list[str]:
    """Plain sentences for one data set: who beats what, and who does not."""
    groups: dict[tuple[str, str], list[tuple[str, Comparison]]] = {}
    for title, rows in models:
        for row in rows:
            groups.setdefault((row.metric, row.baseline), []).append((title, row))
    return [
        _floor_sentence(found) if found[0][1].floor else _sentence(found)
        for found in groups.values()
    ]


def _sentence(found: list[tuple[str, Comparison]]) -> str:
    first = found[0][1]
    unit = "\u00a0%" if first.unit == "%" else ""
    value = f"{lowered(first.metric)} {number(first.baseline_value)}{unit}"
    against = f"the {first.baseline} ({value})"
    winners = [title for title, row in found if row.beats]
    losers = [title for title, row in found if not row.beats]
    by = _margins([row.wanted for _, row in found if row.wanted is not None])
    if not losers:
        who = "Every net beats" if len(winners) > 1 else f"{winners[0]} beats"
        return f"{who} {against}{by}."
    missed = f"{listed(losers)} {'do' if len(losers) > 1 else 'does'} not beat"
    if not winners:
        return f"{missed} {against}{by}."
    return f"{listed(winners)} beat{'' if len(winners) > 1 else 's'} {against}{by}; {missed} it."


def _margins(wanted: list[float]) -> str:
    if len(set(wanted)) > 1:
        return f" by the margins of {min(wanted):g} to {max(wanted):g} wanted"
    return f" by the margin of {wanted[0]:g} wanted" if wanted else ""


def _floor_sentence(found: list[tuple[str, Comparison]]) -> str:
    parts = [f"{title} is {number(row.value)}" for title, row in found]
    first = found[0][1]
    # A distance lies between two sets; any other metric belongs to one.
    of = "between" if "istance" in first.metric else "of"
    return (
        f"The floor is {number(first.baseline_value)}, the {lowered(first.metric)} {of} "
        f"{first.baseline}; {listed(parts)}, and zero is out of reach with samples this small."
    )
