"""Scenes of real 8x8 digits, enlarged; the archive is that of the digits."""

DATA = {
    "digit_scenes": {
        "valid_per_class": 5,
        "test_per_class": 7,
        "train_scenes": 211,
        "valid_scenes": 53,
        "test_scenes": 61,
    }
}
BASELINES = {"digit_scenes": {"components": [5, 7], "shifts": [0, 1]}}
RECIPES = {
    "scenes_attention": {
        "channels": 3,
        "embedding": 7,
        "units": 11,
        "attention_units": 5,
        "batch": 23,
        "chunk": 17,
        "examples": 6,
    }
}
STAND_INS = {"scenes_plain": "scenes_attention"}
