"""What is printed where nobody watches a bar: the losses and an honest time left."""

from types import SimpleNamespace

import pytest

from repertoire.training import progress
from repertoire.training.progress import Countdown, Progress


@pytest.fixture
def clock(monkeypatch):
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: clock.now))
    return clock


def epoch_of_seven(shown, clock, number):
    """Seven batches of two seconds each."""
    for batch in range(1, 8):
        clock.now += 2.0
        shown.step(batch, [{"loss": 1 / batch}])
    shown.epoch({"epoch": number, "steps_done": 7 * number, "perplexity": 11.0})


@pytest.mark.parametrize("done", [0, 3])
def test_the_time_left_is_that_of_the_epochs_to_come_after_a_resumption_too(done, clock, capsys):
    with Progress(13, done) as shown:
        epoch_of_seven(shown, clock, done + 1)
        assert "left" not in capsys.readouterr().out  # how long an epoch is, is not yet known
        epoch_of_seven(shown, clock, done + 2)
    lines = capsys.readouterr().out.splitlines()
    # The line of the 15th second and later, and the one of the epoch; 14 s an epoch.
    assert lines[0].startswith(f"  epoch {done + 2}/13 step ") and "loss" in lines[0]
    step = int(lines[0].split("step ")[1].split()[0])
    left = 14 * (13 - done - 1) - 2 * step
    assert lines[0].endswith(f" about {left} s left")
    assert lines[-1] == f"  epoch {done + 2}/13 valid: steps_done {7 * (done + 2)} perplexity 11"


def test_lines_are_at_least_a_quarter_of_a_minute_apart(clock, capsys):
    with Progress(13, 0) as shown:
        for batch in range(1, 24):
            clock.now += 2.0
            shown.step(batch, [{"loss": 0.5}])
    found = [line.split("step ")[1] for line in capsys.readouterr().out.splitlines()]
    assert found == ["8 loss 0.500", "16 loss 0.500"]


def test_iterations_are_counted_down_from_the_first_to_the_last(clock, capsys):
    with Countdown(37) as shown:
        for done in range(38):
            shown.step(done, {"loss": 7.0})
            clock.now += 2.0
    assert capsys.readouterr().out.splitlines() == [
        "  iteration 0/37 loss 7",
        "  iteration 8/37 loss 7 about 58 s left",
        "  iteration 16/37 loss 7 about 42 s left",
        "  iteration 24/37 loss 7 about 26 s left",
        "  iteration 32/37 loss 7 about 10 s left",
        "  iteration 37/37 loss 7",
    ]
