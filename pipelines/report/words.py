"""Keys of metrics, baselines and data in words that a reader knows."""

import math
import re
from collections.abc import Mapping
from typing import Any

# A key is matched whole; {…} of a template is filled from the groups of the pattern.
METRICS: tuple[tuple[str, str, str], ...] = (
    (r"perplexity", "Perplexity", ""),
    (r"nats_per_token", "Cross-entropy", "nats per token"),
    (r"fresh_window_nats_per_token", "Cross-entropy, contexts of 256 at most", "nats per token"),
    (r"bits_per_character", "Cross-entropy", "bits a character"),
    (r"rescored_accuracy_percent", "True line first after rescoring", "%"),
    (r"exact_match_percent", "Exact match", "%"),
    (r"chrf_percent", "chrF", "%"),
    (r"bleu_(\d)_percent", "BLEU-{0}", "%"),
    (r"bleu_percent", "BLEU by character", "%"),
    (r"bleu_13a_percent", "BLEU", "%"),
    (r"bleu_13a_lowercase_percent", "BLEU of small letters", "%"),
    (r"distinct_1_percent", "Different words of all", "%"),
    (r"distinct_2_percent", "Different pairs of words of all", "%"),
    (r"longer_terms_exact_match_percent", "Exact match, longer terms", "%"),
    (r"other_formats_exact_match_percent", "Exact match, other formats", "%"),
    (r"unseen_exact_match_percent", "Exact match, sources not in training", "%"),
    (r"beam_(\d+)_exact_match_percent", "Exact match, beam of {0}", "%"),
    (r"beam_(\d+)_chrf_percent", "chrF, beam of {0}", "%"),
    (r"beam_(\d+)_bleu_percent", "BLEU by character, beam of {0}", "%"),
    (r"beam_(\d+)_bleu_13a_percent", "BLEU, beam of {0}", "%"),
    (r"beam_(\d+)_bleu_13a_lowercase_percent", "BLEU of small letters, beam of {0}", "%"),
    (r"beam_(\d+)_distinct_1_percent", "Different words of all, beam of {0}", "%"),
    (r"beam_(\d+)_distinct_2_percent", "Different pairs of words of all, beam of {0}", "%"),
    (r"negative_elbo_nats", "Negative ELBO", "nats per image"),
    (r"negative_iwae_(\d+)_nats", "Negative IWAE-{0} bound", "nats per image"),
    (r"negative_conditional_elbo_nats", "Negative ELBO, label told", "nats per image"),
    (
        r"negative_conditional_iwae_(\d+)_nats",
        "Negative IWAE-{0} bound, label told",
        "nats per image",
    ),
    (r"negative_drawn_elbo_nats", "Negative ELBO, drawn pixels", "nats per image"),
    (r"negative_drawn_iwae_(\d+)_nats", "Negative IWAE-{0} bound, drawn pixels", "nats per image"),
    (r"divergence_nats", "Divergence of codes from the prior", "nats per image"),
    (r"active_units", "Numbers of the code in use", "numbers"),
    (r"label_agreement_percent", "Samples that the judge gives the asked label", "%"),
    (r"class_change_percent", "Pictures changed to the asked class, says the judge", "%"),
    (r"reconstruction_mse", "Reconstruction error", "squared, a pixel"),
    (r"grey_mse", "Reconstruction error of grey levels", "squared, a pixel, white being 1"),
    (r"rgb_mse", "Reconstruction error of colour levels", "squared, per channel, white being 1"),
    (r"bits_per_dimension", "Negative ELBO of 8-bit levels", "bits per dimension"),
    (r"iwae_(\d+)_bits_per_dimension", "Negative IWAE-{0} bound of levels", "bits per dimension"),
    (
        r"conditional_bits_per_dimension",
        "Negative ELBO of levels, label given",
        "bits per dimension",
    ),
    (
        r"conditional_iwae_(\d+)_bits_per_dimension",
        "Negative IWAE-{0} bound of levels, label given",
        "bits per dimension",
    ),
    (r"pixel_coverage_percent", "Coverage of real images, in components of pixels", "%"),
    (r"psnr_db", "Peak signal-to-noise ratio", "dB"),
    (r"denoising_gain_db", "Gain by restoring", "dB"),
    (r"(blur|gaussian|mask|salt_and_pepper)_gain_db", "Gain by restoring, {0}", "dB"),
    (r"probe_accuracy_percent", "Classes read in the code by a linear map", "%"),
    (r"average_precision_percent", "Average precision", "%"),
    (r"worst_roc_auc_percent", "Area under the ROC curve, worst detector", "%"),
    (r"false_alarm_percent", "Normal rows taken for anomalies", "%"),
    (r"detection_percent", "Anomalies found", "%"),
    (r"squared_error", "Squared error, all values of a row", ""),
    (r"frechet_distance", "Fréchet distance", "features²"),
    (r"perceptual_loss", "Perceptual loss", "content and weighed style"),
    (r"content_loss", "Content lost", "of its energy"),
    (r"style_loss", "Distance from the style", "of its energy"),
    (r"matched_iterations", "Iterations of optimisation matched", "iterations"),
    (r"a_to_b_frechet_distance", "Fréchet distance, A to B", "features²"),
    (r"b_to_a_frechet_distance", "Fréchet distance, B to A", "features²"),
    (r"principal_frechet_distance", "Fréchet distance in principal components", "white²"),
    (r"a_to_b_principal_frechet_distance", "The same, A to B", "white²"),
    (r"b_to_a_principal_frechet_distance", "The same, B to A", "white²"),
    (r"class_kept_percent", "Class kept", "%"),
    (r"a_to_b_class_kept_percent", "Class kept, A to B", "%"),
    (r"b_to_a_class_kept_percent", "Class kept, B to A", "%"),
    (r"l1_levels", "Mean absolute difference", "grey levels"),
    (r"a_to_b_l1_levels", "Mean absolute difference, A to B", "grey levels"),
    (r"b_to_a_l1_levels", "Mean absolute difference, B to A", "grey levels"),
    (r"ssim", "Structural similarity", ""),
    (r"a_to_b_ssim", "Structural similarity, A to B", ""),
    (r"b_to_a_ssim", "Structural similarity, B to A", ""),
    (
        r"a_to_b_reconstruction_levels",
        "Difference after the way from A to B and back",
        "grey levels",
    ),
    (
        r"b_to_a_reconstruction_levels",
        "Difference after the way from B to A and back",
        "grey levels",
    ),
    (r"reconstruction_levels", "Reconstruction loss, both ways, grey levels", ""),
    (r"identity_levels", "Identity loss, both ways, grey levels", ""),
    (r"validity_loss", "Validity loss, both ways", ""),
    (r"judges_loss", "Loss of the judges, both domains", ""),
    (r"nats_per_point", "Negative log-density", "nats per point"),
    (r"end_of_stroke_accuracy_percent", "Pen bit right", "%"),
    (r"text_gain_nats", "Gain of the right text over a wrong one", "nats per point"),
    (r"mae", "Mean absolute error", ""),
    (r"mse", "Mean squared error", ""),
    (r"rmse", "Root mean squared error", ""),
    (r"pinball_loss", "Pinball loss", ""),
    (r"mase", "Mean absolute scaled error", ""),
    (r"coverage_(\d+)_percent", "Coverage of the {0} % interval", "%"),
    (r"dm_statistic", "Diebold–Mariano statistic against the strongest baseline", ""),
    (r"dm_p_value", "p-value of it", ""),
    (r"pinball_deviations", "Pinball loss", "deviations in training"),
    (r"nats_per_frame", "Negative log-likelihood", "nats per frame"),
    (r"frame_accuracy_percent", "Frame accuracy", "%"),
    (r"classes_covered", "Classes covered", "classes"),
    (r"class_divergence_nats", "Divergence of classes from even", "nats"),
    (r"modes_covered", "Modes covered", "modes"),
    (r"mode_divergence_nats", "Divergence of modes from even", "nats"),
    (r"coverage_percent", "Coverage of real images, in the judge’s features", "%"),
    (r"accuracy_percent", "Accuracy", "%"),
    (r"roc_auc_percent", "Area under the ROC curve", "%"),
    (r"f1_percent", "F1, mean over classes", "%"),
    (r"f1_(\w+)_percent", "F1 of “{0}”", "%"),
    (r"calibration_error_percent", "Calibration error", "%"),
    (r"nats_per_text", "Cross-entropy", "nats per text"),
    (r"wordsim353_spearman_percent", "Rank correlation, WordSim-353", "%"),
    (r"simlex999_spearman_percent", "Rank correlation, SimLex-999", "%"),
    (r"analogies_percent", "Analogies answered", "%"),
    (r"token_accuracy_percent", "Tokens written again in place", "%"),
    (r"order_accuracy_percent", "Order told from swapped neighbours", "%"),
    (r"question_auc_percent", "Area under the ROC curve, questions", "%"),
    (r"recall_percent", "Found again without one word", "%"),
    (r"skip_gram_nats", "Negative-sampling loss, skip-gram", "nats per pair"),
    (r"cbow_nats", "Negative-sampling loss, CBOW", "nats per word"),
    (r"ndcg_(\d+)_percent", "NDCG@{0}", "%"),
    (r"recall_(\d+)_percent", "Recall@{0}", "%"),
    (r"found_(\d+)_percent", "Likes found among the first {0}", "%"),
    (r"catalogue_(\d+)_percent", "Catalogue among the first {0} of anyone", "%"),
    (r"cold_start_spearman_percent", "Rank correlation of a cold start with popularity", "%"),
    (r"loss_nats", "total", "nats"),
    (r"discriminator_loss", "Loss of the discriminator", ""),
    (r"generator_loss", "Loss of the generator", ""),
    (r"gradient_norm", "Gradient norm before clipping", ""),
)
BASELINES: tuple[tuple[str, str], ...] = (
    (r"ppmi_svd_.*", "PPMI + SVD"),
    (r"counts_skip_gram_nats", "smoothed counts"),
    (r"linear_autoencoder_.*", "linear autoencoder"),
    (r"lsa_.*", "latent semantic analysis"),
    (r"mean_words_.*", "mean of PPMI + SVD words"),
    (r"vectorless_.*", "Kneser–Ney {vectorless_order:.0f}-gram, told no vector"),
    (r"recogniser_.*", "recogniser alone"),
    (r"unigram_.*", "unigram"),
    (r"cached_kneser_ney_.*", "Kneser–Ney {kneser_ney_order:.0f}-gram with a cache of the stream"),
    (r"kneser_ney_.*", "Kneser–Ney {kneser_ney_order:.0f}-gram"),
    (r"nearest_neighbour_.*principal_frechet_distance", "nearest training image"),
    (r"nearest_neighbour_.*", "translation memory"),
    (r"date_rule_.*", "rule that reads dates"),
    (r"digit_table_.*", "table of digits without carry"),
    (r"nearest_source_.*", "partners of the nearest sources, {nearest_source_neighbours:.0f}"),
    (r"identity_.*", "picture left as it is"),
    (r"linear_map_by_kind_.*", "linear map of pixels for each kind of noise, which it recognises"),
    (r"linear_map_.*", "linear map of pixels, ridge"),
    (r"mean_colour_.*", "image with the mean colour of the other domain"),
    (r"histogram_.*", "picture with matched grey levels"),
    (r"transport_.*", "linear map between Gaussians of pixels"),
    (r"nearest_picture_.*", "caption of the nearest picture"),
    (r"most_frequent_caption_.*", "most frequent caption"),
    (r"most_frequent_.*", "most frequent target"),
    (r"copy_.*", "copy of the source"),
    (r"reference_.*", "variety of the references"),
    (r"bernoulli_mixture_.*", "Bernoulli mixture"),
    (r"drawn_bernoulli_mixture_.*", "Bernoulli mixture, drawn pixels"),
    (r"class_bernoulli_mixture_.*", "Bernoulli mixture of the class"),
    (r"real_label_agreement_.*", "judge on real test images"),
    (r"bernoulli_pixels_.*", "Bernoulli pixels"),
    (r"pca_(\d+)_.*", "{0} principal components"),
    (r"ppca_(\d+)_.*", "Gaussian of {0} principal components and even noise"),
    (r"pca_.*_gain_db", "projection onto principal components"),
    (r"plain_pca_.*", "squared error of principal components ({plain_pca_components:g})"),
    (r"pca_.*", "principal components ({pca_components:g}), scored as the net"),
    (r"distance_from_mean_.*", "squared distance from the mean"),
    (r"lof_.*", "local outlier factor, {lof_neighbours:.0f} neighbours"),
    (r"one_class_svm_.*", "one-class support vector machine"),
    (r"best_filter_.*", "best filter of each kind of noise"),
    (r"median_.*", "median filter"),
    (r"wiener_.*", "Wiener filter"),
    (r"mahalanobis_.*", "Mahalanobis distance"),
    (r"isolation_forest_.*", "isolation forest"),
    (r"nearest_(roc|average|worst)_.*", "distance to neighbour {nearest_rank:.0f}"),
    (r"logistic_pixels_.*", "logistic regression of each pixel on its neighbours"),
    (r"drawn_logistic_pixels_.*", "logistic regression of each drawn pixel on its neighbours"),
    (r"class_logistic_pixels_.*", "logistic regression of each pixel on neighbours and class"),
    (r"gaussian_pixels_.*", "Gaussian pixels"),
    (r"gaussian_mixture_.*", "mixture of {gaussian_mixture_components:.0f} Gaussians"),
    (r"independent_pixels_.*", "independent Gaussian pixels"),
    (r"note_frequencies_.*", "frequencies of notes"),
    (r"markov_notes_.*", "first-order Markov, note by note"),
    (r"repeat_.*", "repeating the frame before"),
    (r"chord_bigram_.*", "bigram of whole chords in ±{chord_bigram_transpose:.0f} keys"),
    (r"majority_.*", "most frequent class"),
    (r"naive_bayes_.*", "naive Bayes"),
    (r"tfidf_logistic_.*", "logistic regression on tf-idf"),
    (r"(char|word)_tfidf_logistic_.*", "logistic regression on tf-idf of {0} n-grams"),
    (r"(char|word)_tfidf_svm_.*", "support vector machine on tf-idf of {0} n-grams"),
    (r"nbsvm_.*", "NBSVM"),
    (r"persistence_.*", "persistence"),
    (r"seasonal_naive_.*", "seasonal naive forecast"),
    (r"drift_.*", "drift"),
    (r"ridge_.*", "linear map of the last values, ridge"),
    (r"ar_.*", "autoregression of order {ar_order:.0f}"),
    (
        r"seasonal_ar_.*",
        "seasonal means and autoregression of order {seasonal_ar_order:.0f}",
    ),
    (r"volatility_.*", "persistence scaled by volatility"),
    (r"gaussian_nats_per_point", "one Gaussian and a Bernoulli pen"),
    (r"linear_mixture_nats_per_point", "mixture of {linear_mixture_components:.0f} regressions"),
    (r"never_end_of_stroke_.*", "pen that never lifts"),
    (r"popularity_.*", "popularity"),
    (r"item_knn_.*", "item-kNN of {item_knn_neighbours:.0f}"),
    (r"ease_.*", "EASE, ridge {ease_ridge:g}"),
    (r"blend_.*", "style laid over the photograph"),
    (r"photograph_\w+_perceptual_loss", "photograph as it is"),
    (r"colours_\w+_perceptual_loss", "colours of the style"),
    (r"optimised_(\d+)_\w+", "{0} iterations of optimisation"),
    (r"real_halves_.*", "two halves of real images"),
    (r"real_train_.*", "real training images"),
    (r"real_test_.*", "real test images"),
)
RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
SUFFIXES = ("percent", "nats", "mse")
LOWER_IS_BETTER = (
    r"(?!text_gain)(perplexity|.*_nats|nats_.*|fresh_.*|(.*_)?bits_per_.*|.*_mse|mse|mae|rmse|mase"
    r"|pinball_.*|dm_.*"
    r"|(.*_)?frechet_distance|.*_levels|calibration_.*|(perceptual|content|style)_loss)"
)


def metric_words(key: str) -> tuple[str, str]:
    """Name and unit of a metric; an unknown key is taken apart at its underscores."""
    for pattern, name, unit in METRICS:
        if found := re.fullmatch(pattern, key):
            return name.format(*found.groups()), unit
    parts = key.split("_")
    unit = parts.pop() if len(parts) > 1 and parts[-1] in SUFFIXES else ""
    return " ".join(parts), "%" if unit == "percent" else unit


def baseline_words(key: str, values: Mapping[str, Any]) -> str:
    """Name of a baseline, without the metric that it is measured by."""
    for pattern, name in BASELINES:
        if found := re.fullmatch(pattern, key):
            try:
                return name.format(*found.groups(), **values)
            except KeyError:
                continue
    return key.replace("_", " ")


def better_of(key: str) -> str:
    """Whether a metric is better "lower" or "higher"."""
    return "lower" if re.fullmatch(LOWER_IS_BETTER, key) else "higher"


def number(value: float) -> str:
    """Four digits that count; thousands are set apart."""
    if value == 0:
        return "0"
    if abs(value) >= 1000:
        return f"{value:,.0f}".replace("-", "−")
    return f"{value:#.4g}".rstrip(".").replace("-", "−")


def uncertain(value: float, error: float | None) -> str:
    """A value with its standard error, of which two digits count."""
    if error is None:
        return number(value)
    places = 0 if error == 0 else max(0, 1 - math.floor(math.log10(error)))
    return f"{number(value)} ± {error:,.{places}f}"


def size(count: float) -> str:
    """Bytes in kB or MB."""
    return f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{count / 1e3:.0f} kB"


def listed(names: list[str]) -> str:
    """ "a", "a and b", "a, b and c"; names that hold commas are told apart by semicolons."""
    comma = "; " if any("," in name for name in names) else ", "
    if len(names) < 2:
        return "".join(names)
    return comma.join(names[:-1]) + (";" if comma == "; " else "") + " and " + names[-1]


def small(value: float) -> str:
    """A tiny value as a power of ten."""
    if value == 0:
        return "0"
    digits, exponent = f"{value:.1e}".split("e")
    return f"{digits} × 10{str(int(exponent)).translate(RAISED)}"


def spaced(key: str) -> str:
    """A key as words."""
    return key.replace("_", " ")


def lowered(name: str) -> str:
    """A name as it stands within a sentence."""
    # A name such as "BLEU" or that of a person keeps its capitals.
    proper = name[1:2].isupper() or name.startswith("Fréchet")
    return name if proper else name[:1].lower() + name[1:]
