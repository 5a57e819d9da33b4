"""Small sizes of every study."""

BENCHMARK_SIZES = {"gan_modes": {"steps": 2, "looks": 1}}
STUDIES = {
    "code_maps": {
        "test": 97,
        "units": 11,
        "epochs": 2,
        "tried": 7,
        "shown": 4,
        "canvas": 47,
    },
    "gradient_flow": {"units": 11, "batch": 5, "steps": 13, "layers": 7, "scales": [0.5, 2.0]},
    "clipping": {"length": 7, "units": 5, "batch": 11, "steps": 23, "block": 3},
    "adding_problem": {"lengths": [3, 5], "units": 7, "batch": 11, "steps": 3, "test": 13},
    "code_width": {"widths": [2, 5], "units": 11, "batch": 13, "steps": 7, "test": 31, "shown": 3},
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
    "gan_modes": {
        "nets": {"units": 7, "latent": 2, "batch": 5, "momentum": 0.0, "average": 0.9},
        "runs": 3,
        "steps": 11,
        "looks": 2,
        "samples": 401,
    },
    "gan_sensitivity": {
        "nets": {"units": 7, "latent": 2, "batch": 5, "momentum": 0.0, "average": 0.9},
        "starts": 2,
        "steps": 5,
        "samples": 13,
        "generator_rates": [0.001, 0.01, 0.1],
        "critic_rates": [0.002, 0.02],
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
