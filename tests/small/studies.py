"""Small sizes of every study."""

STUDIES = {
    "gradient_flow": {"units": 11, "batch": 5, "steps": 13, "layers": 7, "scales": [0.5, 2.0]},
    "clipping": {"length": 7, "units": 5, "batch": 11, "steps": 23, "block": 3},
    "adding_problem": {"lengths": [3, 5], "units": 7, "batch": 11, "steps": 3, "test": 13},
    "rtrl": {"inputs": 2, "width": 3, "length": 5, "widths": [2, 5], "lengths": [3, 7]},
    "truncation": {
        "lags": [2],
        "truncations": [1, 3, 6],
        "chunk": 6,
        "units": 5,
        "streams": 7,
        "updates": 3,
        "test_chunks": 2,
    },
    "sequence_demands": {
        "fillers": 3,
        "short": 4,
        "long": 11,
        "units": 5,
        "batch": 7,
        "steps": 3,
        "test": 13,
    },
    "cyclegan_losses": {
        "seeds": [3],
        "modes": 5,
        "units": 7,
        "batch": 11,
        "steps": 3,
        "test": 31,
    },
}
