"""Each model against what it must beat, and against the references beside it."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pipelines.report.words import (
    baseline_words,
    better_of,
    listed,
    lowered,
    metric_words,
    number,
)
from repertoire.metrics.gate import REAL, SURE, alike, margin_over

# Metric pattern, and the baseline that is shown beside the gate; {…} is filled from the recipe's
# config. What shares the gate's metric is shown without an entry here, unless it depends on the
# config. A floor is what real data reach: a model is not expected below it. Optimisation has a
# budget that a net in one pass has not: it is a scale.
Role = Literal["baseline", "floor", "scale"]
BESIDE: tuple[tuple[str, str, Role], ...] = (
    (r"perplexity", "kneser_ney_perplexity", "baseline"),
    (r"rescored_accuracy_percent", "recogniser_rescored_accuracy_percent", "baseline"),
    (r"rescored_accuracy_percent", "kneser_ney_rescored_accuracy_percent", "baseline"),
    (r"chrf_percent", "nearest_neighbour_chrf_percent", "baseline"),
    (r"bleu_percent", "nearest_neighbour_bleu_percent", "baseline"),
    (r"bleu_13a_percent", "nearest_neighbour_bleu_13a_percent", "baseline"),
    (r"exact_match_percent", "nearest_neighbour_exact_match_percent", "baseline"),
    (r"distinct_2_percent", "reference_distinct_2_percent", "baseline"),
    (r"bleu_4_percent", "nearest_picture_bleu_4_percent", "baseline"),
    (r"negative_elbo_nats", "bernoulli_mixture_nats", "baseline"),
    (r"negative_iwae_\d+_nats", "logistic_pixels_nats", "baseline"),
    (r"negative_iwae_\d+_nats", "bernoulli_mixture_nats", "baseline"),
    (r"negative_conditional_elbo_nats", "class_bernoulli_mixture_nats", "baseline"),
    (r"negative_conditional_iwae_\d+_nats", "class_logistic_pixels_nats", "baseline"),
    (r"negative_drawn_iwae_\d+_nats", "drawn_bernoulli_mixture_nats", "baseline"),
    (r"negative_conditional_iwae_\d+_nats", "class_bernoulli_mixture_nats", "baseline"),
    (r"label_agreement_percent", "real_label_agreement_percent", "baseline"),
    (r"reconstruction_mse", "pca_{latent}_mse", "baseline"),
    (r"grey_mse", "pca_{latent}_grey_mse", "baseline"),
    (r"psnr_db", "pca_{latent}_psnr_db", "baseline"),
    (r"probe_accuracy_percent", "pca_{latent}_probe_accuracy_percent", "baseline"),
    (r"denoising_gain_db", "median_denoising_gain_db", "baseline"),
    (r"denoising_gain_db", "wiener_denoising_gain_db", "baseline"),
    (r"denoising_gain_db", "pca_denoising_gain_db", "baseline"),
    (r"roc_auc_percent", "pca_roc_auc_percent", "baseline"),
    (r"roc_auc_percent", "mahalanobis_roc_auc_percent", "baseline"),
    (r"roc_auc_percent", "isolation_forest_roc_auc_percent", "baseline"),
    (r"roc_auc_percent", "nearest_roc_auc_percent", "baseline"),
    (r"accuracy_percent", "naive_bayes_accuracy_percent", "baseline"),
    (r"accuracy_percent", "tfidf_logistic_accuracy_percent", "baseline"),
    (r"accuracy_percent", "char_tfidf_logistic_accuracy_percent", "baseline"),
    (r"accuracy_percent", "char_tfidf_svm_accuracy_percent", "baseline"),
    (r"accuracy_percent", "nbsvm_accuracy_percent", "baseline"),
    (r"f1_spam_percent", "naive_bayes_f1_spam_percent", "baseline"),
    (r"f1_spam_percent", "char_tfidf_svm_f1_spam_percent", "baseline"),
    (r"nats_per_frame", "chord_bigram_nats_per_frame", "baseline"),
    (r"frame_accuracy_percent", "repeat_frame_accuracy_percent", "baseline"),
    (r"wordsim353_spearman_percent", "ppmi_svd_wordsim353_spearman_percent", "baseline"),
    (r"simlex999_spearman_percent", "ppmi_svd_simlex999_spearman_percent", "baseline"),
    (r"analogies_percent", "ppmi_svd_analogies_percent", "baseline"),
    (r"skip_gram_nats", "counts_skip_gram_nats", "baseline"),
    (r"token_accuracy_percent", "linear_autoencoder_token_accuracy_percent", "baseline"),
    (r"exact_match_percent", "linear_autoencoder_exact_match_percent", "baseline"),
    (r"nats_per_token", "vectorless_nats_per_token", "baseline"),
    (r"order_accuracy_percent", "lsa_order_accuracy_percent", "baseline"),
    (r"question_auc_percent", "lsa_question_auc_percent", "baseline"),
    (r"recall_percent", "lsa_recall_percent", "baseline"),
    (r"recall_percent", "mean_words_recall_percent", "baseline"),
    (r"frechet_distance", "real_halves_frechet_distance", "floor"),
    (r"principal_frechet_distance", "real_halves_principal_frechet_distance", "floor"),
    (r"frechet_distance", "gaussian_pixels_frechet_distance", "baseline"),
    (r"frechet_distance", "gaussian_mixture_frechet_distance", "baseline"),
    (r"coverage_percent", "gaussian_pixels_coverage_percent", "baseline"),
    (r"coverage_percent", "gaussian_mixture_coverage_percent", "baseline"),
    (r"mode_divergence_nats", "gaussian_mixture_mode_divergence_nats", "baseline"),
    (r"mode_divergence_nats", "real_test_mode_divergence_nats", "floor"),
    (r"perceptual_loss", "blend_{style}_perceptual_loss", "baseline"),
    (r"perceptual_loss", "photograph_{style}_perceptual_loss", "baseline"),
    (r"perceptual_loss", "colours_{style}_perceptual_loss", "baseline"),
    (r"perceptual_loss", "optimised_10_{style}_perceptual_loss", "scale"),
    (r"perceptual_loss", "optimised_25_{style}_perceptual_loss", "scale"),
    (r"perceptual_loss", "optimised_50_{style}_perceptual_loss", "scale"),
    (r"perceptual_loss", "optimised_80_{style}_perceptual_loss", "scale"),
    (r"a_to_b_frechet_distance", "identity_a_to_b_frechet_distance", "baseline"),
    (r"b_to_a_frechet_distance", "identity_b_to_a_frechet_distance", "baseline"),
    (r"frechet_distance", "histogram_frechet_distance", "baseline"),
    (r"frechet_distance", "transport_frechet_distance", "baseline"),
    (r"class_kept_percent", "identity_class_kept_percent", "baseline"),
    (r"class_kept_percent", "transport_class_kept_percent", "baseline"),
    (r"l1_levels", "identity_l1_levels", "baseline"),
    (r"l1_levels", "linear_map_l1_levels", "baseline"),
    (r"ssim", "identity_ssim", "baseline"),
    (r"ssim", "nearest_source_ssim", "baseline"),
    (r"ssim", "linear_map_ssim", "baseline"),
    (r"pinball_loss", "ar_pinball_loss", "baseline"),
    (r"pinball_loss", "volatility_pinball_loss", "baseline"),
    (r"mse", "persistence_mse", "baseline"),
    (r"mse", "seasonal_naive_mse", "baseline"),
    (r"mae", "ridge_mae", "baseline"),
    (r"mae", "persistence_mae", "baseline"),
    (r"mae", "volatility_mae", "baseline"),
    (r"mae", "seasonal_naive_mae", "baseline"),
    (r"mae", "ar_mae", "baseline"),
    (r"nats_per_point", "gaussian_nats_per_point", "baseline"),
    (r"ndcg_100_percent", "popularity_ndcg_100_percent", "baseline"),
    (r"ndcg_100_percent", "item_knn_ndcg_100_percent", "baseline"),
    (r"ndcg_100_percent", "ease_ndcg_100_percent", "baseline"),
    (r"ndcg_10_percent", "item_knn_ndcg_10_percent", "baseline"),
    (r"ndcg_10_percent", "ease_ndcg_10_percent", "baseline"),
    (r"recall_20_percent", "ease_recall_20_percent", "baseline"),
    (r"found_10_percent", "item_knn_found_10_percent", "baseline"),
    (r"found_10_percent", "ease_found_10_percent", "baseline"),
    (r"end_of_stroke_accuracy_percent", "never_end_of_stroke_accuracy_percent", "baseline"),
)


@dataclass(frozen=True)
class Comparison:
    """One value of a model beside one value of a baseline; ``passed`` only at the gate.

    ``error`` is the standard error of the model's value, None where it has none; ``margin_error``
    that of the margin, which the same test rows make smaller where both were measured on them.
    """

    metric: str
    unit: str
    value: float
    error: float | None
    baseline: str
    baseline_value: float
    margin: float
    margin_error: float | None
    better: str
    role: Role = "baseline"
    passed: bool | None = None

    @property
    def ratio(self) -> str:
        """How many times better the model is: above 1 it beats the baseline."""
        pair = (self.baseline_value, self.value)
        above, below = pair if self.better == "lower" else pair[::-1]
        return f"{above / below:.2f}" if below > 0 else "–"

    @property
    def outcome(self) -> Literal["beats", "ties", "loses"]:
        """A tie within ``SURE`` standard errors; without one, ahead or not."""
        if self.margin_error is not None and abs(self.margin) < SURE * self.margin_error:
            return "ties"
        return "beats" if self.margin > 0 else "loses"

    @property
    def verdict(self) -> str:
        """The last cell of the row, in words."""
        if self.role == "floor":
            return "below the floor" if self.margin > 0 else "above the floor"
        words = {"beats": "better", "ties": "within noise", "loses": "worse"}[self.outcome]
        if self.passed is None:
            return words
        return f"{'✓' if self.passed else '✗'} {words}"


def comparisons(
    gate: Mapping[str, Any],
    results: Mapping[str, Any],
    baselines: Mapping[str, Any],
    config: Mapping[str, Any],
) -> list[Comparison]:
    """The gate first, then the references beside it that both sides have measured.

    ``results`` holds the metrics of the ``test`` split, their ``standard_errors``, and the
    ``verdicts`` on the gate's metric.
    """
    metrics, errors = results["test"], results["standard_errors"]
    margins = {verdict["baseline"]: verdict["error"] for verdict in results["verdicts"]}
    first = gate["metric"]
    found: list[tuple[str, str, Role]] = [(first, gate["baseline"], "baseline")]
    found += [(first, key, role) for key, role in _rivals(first, metrics, baselines)]
    for pattern, template, role in BESIDE:
        key = re.sub(r"\{(\w+)\}", lambda m: str(config.get(m[1])), template)
        found += [
            (metric, key, role)
            for metric in metrics
            if re.fullmatch(pattern, metric) and key in baselines
        ]
    rows: dict[tuple[str, str], Comparison] = {}
    for metric, key, role in found:
        margin = margin_over(better := _better(metric, gate), metrics[metric], baselines[key])
        rows.setdefault(
            (metric, key),
            Comparison(
                *metric_words(metric),
                metrics[metric],
                errors.get(metric),
                baseline_words(key, baselines),
                baselines[key],
                margin,
                margins.get(key, errors.get(metric)) if metric == first else errors.get(metric),
                better,
                role,
                gate["passed"] if not rows else None,
            ),
        )
    return list(rows.values())


def _better(metric: str, gate: Mapping[str, Any]) -> str:
    return str(gate["better"]) if metric == gate["metric"] else better_of(metric)


def _rivals(
    metric: str, metrics: Mapping[str, float], baselines: Mapping[str, Any]
) -> Iterator[tuple[str, Role]]:
    """Every baseline in the gate's metric, unless BESIDE says which ones belong to a recipe."""
    if any("{" in template and re.fullmatch(p, metric) for p, template, _ in BESIDE):
        return
    for key in alike(metric, metrics, baselines):
        yield key, "floor" if key.startswith(REAL) else "baseline"


def verdicts(models: list[tuple[str, list[Comparison]]]) -> list[str]:
    """Plain sentences for one data set: who beats what, who ties with it, and who does neither."""
    groups: dict[tuple[str, str], list[tuple[str, Comparison]]] = {}
    for title, rows in models:
        for row in rows:
            groups.setdefault((row.metric, row.baseline), []).append((title, row))
    return [
        _floor_sentence(found) if found[0][1].role == "floor" else _sentence(found)
        for found in groups.values()
    ]


def _sentence(found: list[tuple[str, Comparison]]) -> str:
    first = found[0][1]
    unit = "\u00a0%" if first.unit == "%" else ""
    value = f"{lowered(first.metric)} {number(first.baseline_value)}{unit}"
    against = f"the {first.baseline} ({value})"
    by: dict[str, list[str]] = {"beats": [], "ties": [], "loses": []}
    for title, row in found:
        by[row.outcome].append(title)
    if len(by["beats"]) == len(found) > 1:
        return f"Every net beats {against}."
    parts = []
    for outcome, one, many in (
        ("beats", "beats", "beat"),
        ("ties", "ties with", "tie with"),
        ("loses", "does not beat", "do not beat"),
    ):
        if titles := by[outcome]:
            parts.append(f"{listed(titles)} {many if len(titles) > 1 else one} {against}")
            against = "it"
    return f"{'; '.join(parts)}."


def _floor_sentence(found: list[tuple[str, Comparison]]) -> str:
    parts = [f"{title} is {number(row.value)}" for title, row in found]
    first = found[0][1]
    # A distance lies between two sets; any other metric belongs to one.
    of = "between" if "istance" in first.metric else "of"
    return (
        f"The floor is {number(first.baseline_value)}, the {lowered(first.metric)} {of} "
        f"{first.baseline}; {listed(parts)}, and zero is out of reach with samples this small."
    )
