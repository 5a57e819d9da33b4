"""What is particular to signals: companding, linear prediction, densities, states in parts."""

import io
import zipfile
from dataclasses import replace
from itertools import islice

import numpy as np
import pandas as pd
import pytest
import torch

from repertoire.config import ConfigError, RepertoireError, parse
from repertoire.contract import Plan, load_family
from repertoire.data.sources import Files, SourceError
from repertoire.families.waveforms.drawing import QUANTILES, power, quantiles, ranks
from repertoire.families.waveforms.evaluation import evaluate, scored
from repertoire.families.waveforms.presets import preset
from repertoire.kinds.waveforms import baselines as linear
from repertoire.kinds.waveforms.densities import FAMILIES, Density, Forecast
from repertoire.kinds.waveforms.encoding import encode, parts_in_time, rows_of, signals
from repertoire.kinds.waveforms.limits import limits
from repertoire.kinds.waveforms.metrics import blocks, sample_measurement
from repertoire.metrics.uncertainty import values
from repertoire.readers import electrocardiogram
from repertoire.runtime.companding import (
    LEVELS,
    MIDDLES,
    SILENCE,
    companded,
    decoded,
    edges,
    encoded,
    expanded,
)
from repertoire.runtime.inference.waveforms import continued
from repertoire.training.torch_run import TorchRun
from tests.small.waveforms import RATE, beats, write_recording

RECORDING = electrocardiogram.Config(
    "scipy/misc/ecg.dat", "ecg", 1024.0, 200.0, float(RATE), "mV", 5.12, 0.15, 0.15
)


class Signals:
    """A data set of recordings by split, prepared without files."""

    def __init__(self, **recordings):
        rows = [
            row
            for split, several in recordings.items()
            for number, each in enumerate(several)
            for row in rows_of(f"{split} {number}", split, each, RATE)
        ]
        found = encode(RECORDING, pd.DataFrame(rows))
        self.content, self.encodings = found.arrays, found.encodings
        self.facts = {"dataset": "beats", "kind": "waveforms", **found.facts}

    def arrays(self, split):
        return self.content[split]


@pytest.fixture(scope="module")
def data():
    return Signals(
        train=[beats(1201, 1), beats(307, 2)],
        valid=[beats(401, 3)],
        test=[beats(503, 4), beats(211, 5), beats(2, 6)],
    )


def net(data, **changes):
    """A family, config and net whose weights are not those of the start."""
    family = load_family("waveforms")
    sizes = {"window": 5, "units": 7, "hidden": 11, "components": 3, "batch": 3, "time": 13}
    block = {**preset(data.facts, 7).config, **sizes, "chunk": 101, **changes}
    config = parse(family.Config, block, "test")
    torch.manual_seed(3)
    network = family.build(config, data.facts)
    with torch.no_grad():
        for weight in network.parameters():
            weight += 0.1 * torch.randn_like(weight)
    return family, config, network.eval()


def run_of(data, network):
    return TorchRun(load_family("waveforms").graphs(network, data.facts))


@pytest.mark.parametrize(
    ("signal", "expected"), [(0, 0), (1, 1), (-1, -1), (1 / 255, 1 / 8), (3 / 255, 1 / 4),
                             (-15 / 255, -1 / 2), (7, 1)],
)  # fmt: skip
def test_companding_has_the_values_that_the_formula_gives_by_hand(signal, expected):
    # ln(1 + 255 x) / ln 256 is log2 of a power of two over 8.
    assert companded(np.array(signal)) == pytest.approx(expected, abs=1e-12)
    if abs(signal) <= 1:
        assert expanded(np.array(expected)) == pytest.approx(signal, abs=1e-12)


def test_every_level_decodes_into_its_own_interval():
    levels = np.arange(LEVELS, dtype=np.uint8)
    assert np.array_equal(encoded(decoded(levels)), levels)
    bounds = edges()
    assert bounds[[0, 128, 256]] == pytest.approx([-1, 0, 1])
    # The edge of seven eighths is (2^7 - 1) / 255.
    assert bounds[240] == pytest.approx(127 / 255) and bounds[16] == pytest.approx(-127 / 255)
    assert encoded(np.array([0.0, -1e-9, -3.0, 3.0])).tolist() == [SILENCE, 127, 0, 255]


def test_a_level_decodes_to_the_middle_of_its_interval_on_the_companded_axis():
    # Level 144 lies from 16/128 to 17/128 on it.
    assert decoded(np.array(144)) == pytest.approx((256 ** (16.5 / 128) - 1) / 255)
    assert decoded(np.array(111)) == -decoded(np.array(144))


def test_a_decoded_sample_is_within_its_interval():
    signal = np.linspace(-1, 1, 4001)
    low, high = edges()[encoded(signal)], edges()[encoded(signal).astype(int) + 1]
    assert ((decoded(encoded(signal)) > low) & (decoded(encoded(signal)) < high)).all()


def autoregressive(count, seed, deviation=0.05):
    """x_t = 1.3 x_(t-1) - 0.7 x_(t-2) + a Gaussian."""
    noise = deviation * np.random.default_rng(seed).standard_normal(count)
    found = np.zeros(count)
    for step in range(2, count):
        found[step] = 1.3 * found[step - 1] - 0.7 * found[step - 2] + noise[step]
    return found


def course(*recordings):
    lengths = [len(each) for each in recordings]
    arrays = {
        "levels": encoded(np.concatenate(recordings)),
        "starts": np.cumsum([0, *lengths[:-1]]),
    }
    return linear.Course.of(arrays)


def test_linear_prediction_finds_the_coefficients_and_the_entropy_of_an_autoregression():
    train, valid = course(autoregressive(20_011, 1)), course(autoregressive(5_003, 2))
    weights = linear.least_squares([1, 2, 3], train, valid)
    assert weights[1:3] == pytest.approx([1.3, -0.7], abs=0.03)
    model = linear.finished(linear.dressed(weights, [0.5], train, valid), train, valid)
    log_probs, means = model.scored(valid)
    # The entropy of the noise, less the logarithm of the interval that each sample fell into.
    widths = np.diff(edges())[valid.levels]
    entropy = 0.5 * np.log(2 * np.pi * np.e * 0.05**2) - np.log(widths).mean()
    assert -log_probs.mean() == pytest.approx(entropy, abs=0.03)
    error = np.sqrt(((valid.signal - means) ** 2).mean())
    assert error == pytest.approx(0.05, rel=0.05)


def test_samples_count_by_their_weights():
    signal = course(autoregressive(307, 5))
    weights = np.random.default_rng(6).random(307)
    design = np.zeros((307, 3))
    design[:, 0] = 1
    design[1:, 1] = signal.signal[:-1]
    design[2:, 2] = signal.signal[:-2]
    design[1, 2] = signal.signal[0]  # what lies before counts as the first sample
    root = np.sqrt(weights)
    expected, *_ = np.linalg.lstsq(root[:, None] * design, root * signal.signal, rcond=None)
    assert linear.solved(linear.lag_moments(signal, 2, weights), 2) == pytest.approx(expected)


def test_reweighting_never_makes_validation_worse():
    train, valid = course(beats(2003, 1) / 3), course(beats(601, 2) / 3)
    plain = linear.dressed(linear.least_squares([7], train, valid), [0.5], train, valid)
    assert linear.likeliest(plain, train, valid).nats(valid) <= plain.nats(valid)


def test_recordings_do_not_see_each_other():
    one, two = autoregressive(211, 3), autoregressive(101, 4)
    weights = np.array([0.01, 1.3, -0.7])
    both = linear.forecast(course(one, two), weights, 0.5, 0.01)
    alone = linear.forecast(course(two), weights, 0.5, 0.01)
    assert np.array_equal(both.point[211:], alone.point)
    assert np.allclose(both.recent[211:], alone.recent, rtol=1e-12)
    assert alone.point[0] == 0.01  # after silence
    first = decoded(encoded(two[:1]))[0]
    assert alone.point[1] == pytest.approx(0.01 + 0.6 * first)  # the first sample, twice


def test_the_recent_error_is_an_exponentially_weighted_mean_of_those_before():
    signal = course(np.array([0.1, -0.2, 0.3, 0.05, 0.0]))
    found = linear.forecast(signal, np.array([0.0, 1.0]), 0.8, 0.5)
    error = (signal.signal - found.point) ** 2
    expected = [0.5]
    for step in range(4):
        expected.append(0.8 * expected[-1] + 0.2 * error[step])
    assert found.recent == pytest.approx(expected)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_probabilities_of_all_levels_sum_to_one(family):
    rng = np.random.default_rng(5)
    known = Forecast(rng.uniform(-1, 1, 17), rng.random(17) / 100)
    plain = Density(family, 1e-3, 0.5, 0.3, 3.1)
    masses = np.stack([plain.masses(known, np.full(17, n, np.uint8)) for n in range(LEVELS)], 1)
    assert masses.sum(1) == pytest.approx(np.ones(17), abs=1e-9)
    assert masses == pytest.approx(plain.probabilities(known), abs=1e-9)
    dressed = replace(plain, weights=rng.random(LEVELS), floor=0.01)
    found = dressed.probabilities(known)
    assert found.sum(1) == pytest.approx(np.ones(17)) and found.min() >= 0.01 / LEVELS


def test_weights_of_levels_learn_that_some_are_never_written():
    rng = np.random.default_rng(7)
    even = encoded(rng.normal(0, 0.2, 20_011)) // 2 * 2  # even levels alone
    known = Forecast(np.zeros(20_011), np.zeros(20_011))
    plain = Density("gaussian", 0.04, 0.0, 0.0, 1.0)
    weighted = plain.weighted(known, even)
    gain = plain.scored(known, even)[0].mean() - weighted.scored(known, even)[0].mean()
    assert -gain == pytest.approx(np.log(2), abs=0.03)


def test_the_ratio_of_a_known_error_is_known():
    # A sine of amplitude 1 about 5 has the variance 1/2; errors of 0.1 have the square 0.01.
    actual = 5 + np.sin(np.arange(7 * 40) * np.pi / 20)
    predicted = actual + 0.1 * np.where(np.arange(280) % 2, 1, -1)
    # A first sample, which is not counted, comes before.
    actual, predicted = np.append(999, actual), np.append(-999, predicted)
    log_probs = np.append(-1e9, np.full(280, -2.5))
    found = values([sample_measurement(log_probs, actual, predicted, np.array([0]), 40)])
    assert found == pytest.approx({"nats_per_sample": 2.5, "snr_db": 10 * np.log10(50)})


def test_blocks_last_a_second_and_never_span_two_recordings():
    assert blocks(np.array([0, 23, 25]), 47, 10).tolist() == [0, 10, 23, 25, 35]
    assert blocks(np.array([0]), 11, 10).tolist() == [0, 5]  # one block alone has no error


def test_a_mixture_of_one_logistic_is_that_logistic(data):
    _, _, network = net(data, components=1)
    parameters = torch.tensor([[0.0, 0.21, np.log(0.07)]], dtype=torch.float32)
    with torch.no_grad():
        network.weights.zero_()
        found = network.log_probs(parameters).exp()[0].numpy()
    below = 1 / (1 + np.exp(-(edges() - 0.21) / 0.07))
    below[0], below[-1] = 0, 1
    assert found == pytest.approx(np.diff(below), abs=1e-5)
    assert found.sum() == pytest.approx(1, abs=1e-5)


def test_a_new_net_foretells_that_the_last_sample_stays(data):
    family, config, _ = net(data)
    network = family.build(config, data.facts)
    levels = data.arrays("valid")["levels"][None, :31]
    log_probs = run_of(data, network)("score", levels=levels, **starts(config))["log_probs"]
    means = np.exp(log_probs[0]) @ MIDDLES
    assert means == pytest.approx(decoded(levels[0]), abs=data.facts["change_deviation"])


def starts(config, rows=1):
    from repertoire.families.waveforms.config import initial_states

    return initial_states(config, rows)


def test_a_signal_scored_in_parts_is_the_signal_scored_at_once(data):
    _, config, network = net(data)
    run, levels = run_of(data, network), data.arrays("valid")["levels"][None, :131]
    whole = run("score", levels=levels, **starts(config))["log_probs"]
    states, parts = starts(config), []
    for begin, end in ((0, 3), (3, 4), (4, 101), (101, 131)):
        outputs = run("score", levels=levels[:, begin:end], **states)
        states = {name: outputs[f"next_{name}"] for name in states}
        parts.append(outputs["log_probs"])
    assert np.concatenate(parts, axis=1) == pytest.approx(whole, abs=1e-5)
    # A state that is forgotten is seen.
    lost = run("score", levels=levels[:, 101:], **starts(config))["log_probs"]
    assert abs(lost - whole[:, 101:]).max() > 1e-3


def test_a_step_has_the_distribution_that_scoring_has_and_draws_from_it(data):
    _, config, network = net(data)
    run, levels = run_of(data, network), data.arrays("valid")["levels"][None, :53]
    whole = run("score", levels=levels, **starts(config))["log_probs"][0, -1]
    cumulative = np.exp(whole.astype(np.float64)).cumsum()
    for uniform in (0.0, 0.3, 0.71, 0.999):
        outputs = run(
            "step",
            levels=levels,
            temperature=np.array([1], np.float32),
            uniform=np.array([uniform], np.float32),
            **starts(config),
        )
        assert outputs["log_probs"][0] == pytest.approx(whole, abs=1e-5)
        assert outputs["level"][0] == np.searchsorted(cumulative, uniform, side="right")
    cold = [drawn(run, levels, 7, 0.0, seed) for seed in (1, 2)]
    assert cold[0][0] == whole.argmax() and cold[0] == cold[1]
    warm = [drawn(run, levels, 23, 1.0, seed) for seed in (1, 1, 2)]
    assert warm[0] == warm[1] and warm[0] != warm[2]


def drawn(run, levels, count, temperature, seed):
    return [int(level[0]) for level in islice(continued(run, levels, temperature, seed), count)]


def test_each_recording_is_scored_once_from_silence_in_whatever_company(data):
    _, config, network = net(data)
    run, arrays = run_of(data, network), data.arrays("test")
    found = np.full((len(arrays["levels"]), LEVELS), np.nan)
    for place, log_probs in scored(run, config, arrays["levels"], arrays["starts"]):
        assert np.isnan(found[place]).all()
        found[place] = log_probs
    assert np.exp(found).sum(1) == pytest.approx(np.ones(len(found)), abs=1e-4)
    second = arrays["levels"][503 : 503 + 211]
    before = np.concatenate(([SILENCE], second[:-1])).astype(np.uint8)[None]
    alone = run("score", levels=before, **starts(config))["log_probs"][0]
    assert found[503 : 503 + 211] == pytest.approx(alone, abs=1e-4)


def test_what_is_measured_is_the_mean_of_all_samples(data):
    _, config, network = net(data)
    run, arrays = run_of(data, network), data.arrays("test")
    total = 0.0
    for place, log_probs in scored(run, config, arrays["levels"], arrays["starts"]):
        levels = arrays["levels"][place]
        first = int(place.start in arrays["starts"])
        total -= log_probs[np.arange(first, len(levels)), levels[first:]].sum()
    found = values(evaluate(run, config, data, "test"))
    assert found["nats_per_sample"] == pytest.approx(total / (502 + 210 + 1))


def test_streams_begin_and_end_recordings_with_silence(data):
    family, config, network = net(data, batch=1, time=701)
    learner = family.learner(network, config, data, Plan(1, 2))
    levels = learner.levels.numpy()
    train = data.arrays("train")
    assert levels[0] == levels[1202] == SILENCE and len(levels) == 1201 + 307 + 2
    assert np.array_equal(levels[1:1202], train["levels"][:1201])
    [(first, inputs, targets), (second, more, _)] = list(learner.batches(0))
    assert (first, second) == (True, False)
    assert np.array_equal(inputs[0, 1:], targets[0, :-1]) and more[0, 0] == targets[0, -1]


def test_a_net_learns_and_states_go_on_from_window_to_window(data):
    family, config, network = net(data, restart=0.0)
    learner = family.learner(network, config, data, Plan(1, 3))
    losses = []
    for epoch in range(3):
        for batch in learner.batches(epoch):
            before = [state.clone() for state in learner.states]
            losses.append(learner.step(batch)["loss_nats"])
            hidden, context = learner.states
            assert torch.equal(context, network.middles[batch[1][:, -4:]])
            assert batch[0] or not torch.equal(before[0], hidden)
    assert np.mean(losses[-7:]) < np.mean(losses[:7]) - 0.3


def test_a_signal_shorter_than_a_window_is_learned_from():
    short = Signals(train=[beats(29, 1)], valid=[beats(11, 2)], test=[beats(13, 3)])
    family, config, network = net(short, batch=32, time=64)
    learner = family.learner(network, config, short, Plan(1, 1))
    assert all(np.isfinite(learner.step(batch)["loss_nats"]) for batch in learner.batches(0))


def test_a_window_without_a_past_is_refused(data):
    with pytest.raises(ConfigError, match=r"config\.window 1"):
        net(data, window=1)


def test_the_facts_of_a_signal_are_those_of_its_training_part(data):
    facts, train = data.facts, np.concatenate([beats(1201, 1), beats(307, 2)])
    assert facts["scale"] == pytest.approx(abs(train).max())
    assert facts["samples"] == {"train": 1508, "valid": 401, "test": 716}
    assert facts["recordings"] == {"train": 2, "valid": 1, "test": 3}
    assert facts["deviation"] == pytest.approx(train.std() / facts["scale"], rel=0.01)
    loud = np.concatenate([beats(503, 4), beats(211, 5), beats(2, 6)])
    assert facts["clipped"]["test"] == pytest.approx((abs(loud) > facts["scale"]).mean())
    assert data.encodings["wave"]["full_scale"] == facts["scale"]
    assert "256 mu-law levels at 53 Hz" in limits(facts, {}, 3)[0]


def test_rows_of_a_recording_are_joined_again():
    whole = beats(1201, 1)
    table = pd.DataFrame(list(rows_of("a", "train", whole, RATE)))
    assert table["samples"].tolist() == [530, 530, 141]
    [joined] = signals(table.sample(frac=1, random_state=3), "train")
    assert np.array_equal(joined, whole.astype(np.float32))


def test_parts_follow_one_another_in_time():
    parts = parts_in_time(1009, 0.1, 0.2)
    assert parts == [("train", 0, 706), ("valid", 706, 807), ("test", 807, 1009)]


def test_silence_alone_is_refused():
    with pytest.raises(RepertoireError, match="silent"):
        Signals(train=[np.zeros(101)], valid=[beats(11, 1)], test=[beats(11, 2)])


def test_a_recording_is_read_in_millivolts(tmp_path):
    path = tmp_path / "scipy.whl"
    write_recording(path)
    table = electrocardiogram.tabulate(RECORDING, Files({"recording": path}))
    assert table["samples"].sum() == 2003
    whole = np.concatenate([signals(table, split)[0] for split in ("train", "valid", "test")])
    assert whole == pytest.approx(np.round(200 * beats(2003, 0)) / 200, abs=1e-6)


@pytest.mark.parametrize(
    ("content", "array"), [(b"no archive", "ecg"), (b"", "ecg"), (None, "other"), (None, "table")]
)
def test_another_layout_of_the_recording_is_told(tmp_path, content, array):
    if content is None:
        file = io.BytesIO()
        np.savez(file, ecg=np.arange(7), table=np.zeros((3, 5)))
        content = file.getvalue()
    path = tmp_path / "scipy.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("scipy/misc/ecg.dat", content)
    with pytest.raises(SourceError, match=r"scipy\.whl: .*scipy/misc/ecg\.dat"):
        electrocardiogram.tabulate(replace(RECORDING, array=array), Files({"recording": path}))


def test_quantiles_are_the_first_levels_that_reach_them():
    chances = np.zeros((1, LEVELS))
    chances[0, [100, 150, 200]] = 0.2, 0.5, 0.3
    found = quantiles(chances)[0]
    assert found.tolist() == MIDDLES[[100, 150, 150, 200, 200]].tolist() and len(QUANTILES) == 5


def test_ranks_of_draws_from_their_own_distribution_are_spread_evenly():
    rng = np.random.default_rng(3)
    chances = np.tile(rng.dirichlet(np.ones(LEVELS) / 50), (20_011, 1))
    drawn = rng.choice(LEVELS, 20_011, p=chances[0])
    found = ranks(chances, drawn, seed=1)
    shares = [(found < level).mean() for level in QUANTILES]
    assert shares == pytest.approx(QUANTILES, abs=0.02)


def test_the_power_of_a_tone_is_at_its_frequency_and_sums_to_its_variance():
    facts = {"rate": 64.0, "scale": 3.0}
    tone = 0.5 * np.sin(2 * np.pi * 8 * np.arange(2048) / 64)
    density = power([tone], facts)
    frequencies = np.fft.rfftfreq(256, 1 / 64)
    assert frequencies[density.argmax()] == 8
    assert density.sum() * frequencies[1] == pytest.approx(9 * 0.125, rel=0.02)


@pytest.mark.parametrize("samples", [1_009, 200_003, 3_000_017])
def test_presets_are_whole_and_grow_with_the_signal(data, samples):
    facts = data.facts | {"samples": {"train": samples}, "rows": {"train": 10}}
    found = preset(facts, 10)
    config = parse(load_family("waveforms").Config, found.config, "preset")
    assert config.units == {1_009: 32, 200_003: 64, 3_000_017: 96}[samples]


def test_of_a_long_signal_pieces_are_fitted_to_and_their_recordings_told_apart():
    rng = np.random.default_rng(13)
    levels = rng.integers(0, 256, 9 * linear.CHUNK + 101).astype(np.uint8)
    whole = linear.Course(levels, decoded(levels), np.array([0, 5 * linear.CHUNK + 17]))
    some = whole.thinned(3 * linear.CHUNK + 7)
    assert 2 * linear.CHUNK < len(some.levels) <= 3 * linear.CHUNK + 7 < len(levels)
    assert some.spans[0] == (0, linear.CHUNK) and len(some.spans) >= 3
    np.testing.assert_array_equal(some.levels[: linear.CHUNK], levels[: linear.CHUNK])
    assert whole.thinned(len(levels)) is whole
