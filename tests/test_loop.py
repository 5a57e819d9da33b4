"""The one loop serves one optimizer and two, and a killed training ends as if it was not."""

import time
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from repertoire.config import RepertoireError
from repertoire.training import checkpoint, loop
from repertoire.training.loop import Watch, train
from repertoire.training.process import clip_gradients
from repertoire.training.schedule import warmup_cosine


class Single:
    """Least squares by one optimizer, with a random draw in every step."""

    def __init__(self):
        self.network = torch.nn.Linear(3, 1)
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=0.1)

    def batches(self, epoch):
        rng = np.random.default_rng(epoch)
        for _ in range(7):
            x = torch.from_numpy(rng.standard_normal((5, 3)).astype(np.float32))
            yield x, x @ torch.tensor([[1.0], [-2.0], [3.0]])

    def step(self, batch):
        x, y = batch
        loss = ((self.network(x + 0.01 * torch.randn_like(x)) - y) ** 2).mean()
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return {"loss": loss.item()}

    def state_dict(self):
        return {"optimizer": self.optimizer.state_dict()}

    def load_state_dict(self, state):
        self.optimizer.load_state_dict(state["optimizer"])


class Adversaries(Single):
    """Two optimizers pull one network two ways."""

    def __init__(self):
        super().__init__()
        self.network = torch.nn.ModuleDict({"a": torch.nn.Linear(3, 1), "b": torch.nn.Linear(3, 1)})
        self.pair = [torch.optim.SGD(n.parameters(), 0.05, 0.5) for n in self.network.values()]

    def step(self, batch):
        x, y = batch
        first, second = self.network["a"](x), self.network["b"](x)
        losses = [((first - y) ** 2).mean(), ((second - first.detach()) ** 2).mean()]
        for loss, optimizer in zip(losses, self.pair, strict=True):
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return {"a": losses[0].item(), "b": losses[1].item()}

    def state_dict(self):
        return {"pair": [o.state_dict() for o in self.pair]}

    def load_state_dict(self, state):
        for optimizer, part in zip(self.pair, state["pair"], strict=True):
            optimizer.load_state_dict(part)


class Killed(Exception):
    """Stands for the end of the process."""


def run(kind, saved, die_after=None, epochs=3):
    torch.manual_seed(5)
    learner = kind()
    done = 0
    step = learner.step

    def counted(batch):
        nonlocal done
        if done == die_after:
            raise Killed
        done += 1
        return step(batch)

    learner.step = counted
    watch = Watch(
        validate=lambda: {"size": float(sum(p.abs().sum() for p in learner.network.parameters()))},
        snapshot=lambda: {"weight": next(learner.network.parameters()).detach().numpy().copy()},
        metric="size",
        better="higher",
    )
    return train(learner, epochs, watch, saved, every_seconds=0.0, record_steps=2), done


@pytest.mark.parametrize("kind", [Single, Adversaries])
def test_both_shapes_learn_through_the_same_loop(kind, tmp_path):
    result, _ = run(kind, tmp_path / "c", epochs=11)
    first = next(key for key in result.steps[0] if key != "step")
    assert result.steps[-1][first] < 0.2 * result.steps[0][first]
    assert [row["epoch"] for row in result.epochs] == list(range(1, 12))
    assert len(result.snapshots) == 11


@pytest.mark.parametrize("kind", [Single, Adversaries])
@pytest.mark.parametrize("moment", [1, 7, 11, 20])
def test_a_killed_training_ends_with_the_same_bits(kind, moment, tmp_path):
    whole, _ = run(kind, tmp_path / "whole")
    with pytest.raises(Killed):
        run(kind, tmp_path / "killed", die_after=moment)
    resumed, steps = run(kind, tmp_path / "killed")
    assert steps == 21 - moment
    assert resumed.steps == whole.steps and resumed.epochs == whole.epochs
    for name, weight in whole.best_weights.items():
        assert torch.equal(weight, resumed.best_weights[name])
    pairs = zip(whole.snapshots, resumed.snapshots, strict=True)
    assert all(torch.equal(a["weight"], b["weight"]) for a, b in pairs)


def test_times_of_steps_and_epochs_survive_a_kill(tmp_path):
    with pytest.raises(Killed):
        run(Single, tmp_path / "c", die_after=11)
    killed = time.time()
    resumed, _ = run(Single, tmp_path / "c")
    assert resumed.started < killed < resumed.step_times[-1] < resumed.epoch_times[-1]
    assert len(resumed.step_times) == len(resumed.steps) == 10
    assert len(resumed.epoch_times) == len(resumed.epochs) == 3
    assert resumed.step_times == sorted(resumed.step_times)
    assert sum(at < killed for at in resumed.step_times) == 5
    assert sum(at < killed for at in resumed.epoch_times) == 1


@pytest.mark.parametrize(
    ("better", "values"), [("lower", [5.0, 3.0, 3.0, 7.0]), ("higher", [3.0, 7.0, 7.0, 5.0])]
)
def test_the_weights_of_the_first_of_the_best_epochs_are_kept(better, values, tmp_path):
    learner, states = Single(), []
    measured = iter(values)

    def noted():
        states.append({k: v.clone() for k, v in learner.network.state_dict().items()})
        return {"m": next(measured)}

    result = train(learner, 4, Watch(noted, dict, "m", better), tmp_path / "c", 9.0, 2)
    assert result.best == values[1]
    assert all(torch.equal(result.best_weights[k], v) for k, v in states[1].items())


class Counting(Single):
    """Its losses are 1, 2, 3 and so on, and each step takes three seconds of its clock."""

    def __init__(self):
        super().__init__()
        self.steps, self.now = 0, 0.0

    def step(self, batch):
        self.steps, self.now = self.steps + 1, self.now + 3.0
        return {"loss": float(self.steps)}


def test_a_record_is_the_mean_of_its_steps_and_an_epoch_knows_how_many_came_before(tmp_path):
    watch = Watch(lambda: {"m": 1.0}, dict, "m", "lower")
    result = train(Counting(), 2, watch, tmp_path / "c", 9.0, record_steps=3)
    # Seven batches an epoch: a record goes on over the end of an epoch.
    assert result.steps == [{"step": n, "loss": n - 1.0} for n in (3, 6, 9, 12)]
    assert [row["steps_done"] for row in result.epochs] == [7, 14]


def test_seconds_of_training_are_those_of_all_processes_that_took_part(tmp_path, monkeypatch):
    learners = []

    def kind():
        learners.append(Counting())
        return learners[-1]

    clock = SimpleNamespace(monotonic=lambda: learners[-1].now, time=lambda: learners[-1].now)
    monkeypatch.setattr(loop, "time", clock)
    for steps in (5, 3):  # of the second process the last step is in the second epoch
        with pytest.raises(Killed):
            run(kind, tmp_path / "c", die_after=steps, epochs=2)
    result, steps = run(kind, tmp_path / "c", epochs=2)
    assert steps == 14 - 5 - 3 and result.seconds == 14 * 3.0


@pytest.mark.parametrize("wrong", ["nan", "inf", "-inf"])
def test_a_loss_that_is_no_number_stops_with_its_place_and_the_remedy(wrong, tmp_path):
    learner = Single()
    losses = iter([1.0] * 9 + [float(wrong)])
    learner.step = lambda batch: {"loss_nats": next(losses)}
    watch = Watch(lambda: {"m": 1.0}, dict, "m", "lower")
    place = f"loss_nats is {wrong} after epoch 2, batch 3: .* lower the learning rate"
    with pytest.raises(RepertoireError, match=place):
        train(learner, 2, watch, tmp_path / "c", 9.0, 2)


def test_a_checkpoint_returns_nested_state_with_its_keys(tmp_path):
    state = {"a": [torch.arange(3), 2.5, None], "b": {0: {"x": torch.ones(2)}, 1: "text"}, "c": ()}
    checkpoint.save(tmp_path / "c", state)
    back = checkpoint.load(tmp_path / "c")
    assert torch.equal(back["a"][0], torch.arange(3)) and back["a"][1:] == [2.5, None]
    assert torch.equal(back["b"][0]["x"], torch.ones(2)) and back["b"][1] == "text"
    with pytest.raises(TypeError, match="cannot hold set"):
        checkpoint.save(tmp_path / "c", {"a": {1, 2}})
    assert checkpoint.load(tmp_path / "c")["b"][1] == "text"


def test_weights_that_share_memory_are_each_in_a_checkpoint_and_come_back_aligned(tmp_path):
    tied = torch.arange(7.0)
    parts = {f"{n}": torch.full((n,), float(n)) for n in (3, 5, 7, 11)}
    checkpoint.save(tmp_path / "c", {"one": tied, "other": tied, "rows": tied[::2], **parts})
    back = checkpoint.load(tmp_path / "c")
    assert torch.equal(back["one"], tied) and torch.equal(back["other"], tied)
    assert back["rows"].tolist() == [0, 2, 4, 6]
    assert all(torch.equal(back[name], part) for name, part in parts.items())
    assert [tensor.data_ptr() % 64 for tensor in back.values()] == [0] * 7


@pytest.mark.parametrize(("largest", "wrong"), [(0.1, 0.5), (100.0, 0.5), (100.0, float("nan"))])
def test_clipping_is_that_of_pytorch(largest, wrong):
    networks = [torch.nn.Linear(5, 3), torch.nn.Linear(5, 3)]
    for network in networks:
        torch.manual_seed(2)
        for parameter in network.parameters():
            parameter.grad = torch.randn_like(parameter)
        network.bias.grad[1] = wrong
    norm = clip_gradients(networks[0].parameters(), largest)
    expected = torch.nn.utils.clip_grad_norm_(networks[1].parameters(), largest)
    assert norm == pytest.approx(float(expected), nan_ok=True)
    pairs = zip(networks[0].parameters(), networks[1].parameters(), strict=True)
    assert all(torch.allclose(a.grad, b.grad, equal_nan=True) for a, b in pairs)


def test_the_schedule_rises_to_the_full_rate_and_falls_to_zero():
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=2.0)
    schedule = warmup_cosine(optimizer, 101, 0.1)
    rates = []
    for _ in range(101):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    assert rates[9] == pytest.approx(2.0) and max(rates) == pytest.approx(2.0)
    assert rates[0] == pytest.approx(0.2) and rates[-1] < 0.01
    assert rates[9:] == sorted(rates[9:], reverse=True)


@pytest.mark.parametrize(
    ("warmup", "rates"),
    [
        # Without a rise the first rate is the full one, as is the one after it.
        (0.0, [1, 1, 0.75, 0.25, 0, 0, 0]),
        (0.5, [1 / 2, 1, 1, 0.5, 0, 0, 0]),
        (1.0, [1 / 4, 2 / 4, 3 / 4, 1, 1, 0, 0]),
    ],
)
def test_the_schedule_is_its_formula_and_stays_at_zero_after_its_end(warmup, rates):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=2.0)
    schedule = warmup_cosine(optimizer, 4, warmup)
    found = []
    for _ in rates:
        found.append(optimizer.param_groups[0]["lr"] / 2.0)
        optimizer.step()
        schedule.step()
    assert found == pytest.approx(rates, abs=1e-9)
