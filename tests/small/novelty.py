"""Detectors of novelty: the enlarged digits, and the real table that scikit-learn carries."""

DATA = {"one_class_digits": {"valid_per_class": 5, "test_per_class": 7}, "tumours": {}}
SMALL = {
    "components": [2, 3],
    "neighbours": [2, 5],
    "density_neighbours": [3],
    "gammas": [1.0],
    "trees": 7,
}
BASELINES = {"one_class_digits": SMALL, "tumours": SMALL}
SIZES = {"latent": 3, "units": [11], "batch": 5, "steps": 7, "chunk": 17, "grid": 3}
RECIPES = {"novelty_digits": SIZES, "novelty_table": {**SIZES, "batch": 23, "learning_rate": 0.03}}
STAND_INS = {"novelty_table_denoising": "novelty_table"}
DATA_OF = {
    "mnist_one_class": "one_class_digits",
    "fashion_one_class": "one_class_digits",
    "adbench_contaminated": "tumours",
    "adbench_normal": "tumours",
}
