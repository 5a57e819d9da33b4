"""A bar where a person watches, plain lines where not."""

import sys
import time
from typing import Any

from tqdm import tqdm

PLAIN_SECONDS = 15.0


class Progress:
    """Shows epoch, step, losses and the time left."""

    def __init__(self, epochs: int, done: int) -> None:
        self.epochs, self.done, self.resumed = epochs, done, done
        self.steps_an_epoch: int | None = None
        self.bar: tqdm[None] | None = None
        self.started = self.spoke = time.monotonic()
        self.first = 0

    def __enter__(self) -> "Progress":
        if sys.stderr.isatty():
            self.bar = tqdm(total=self.epochs, initial=self.done, unit="epoch", smoothing=0)
        return self

    def __exit__(self, *_: object) -> None:
        if self.bar is not None:
            self.bar.close()

    def step(self, batch: int, block: list[dict[str, float]]) -> None:
        """One batch is done; ``block`` holds the losses since the last record."""
        losses = " ".join(f"{k} {v:.3f}" for k, v in block[-1].items()) if block else ""
        if self.bar is not None:
            share = batch / self.steps_an_epoch if self.steps_an_epoch else 0.0
            self.bar.n = round(self.done + share, 2)
            self.bar.set_postfix_str(f"step {batch} {losses}")
        elif time.monotonic() - self.spoke > PLAIN_SECONDS and losses:
            self.spoke = time.monotonic()
            print(  # noqa: T201
                f"  epoch {self.done + 1}/{self.epochs} step {batch} {losses}{self._left(batch)}",
                flush=True,
            )
        self.first = max(self.first, batch)

    def epoch(self, record: dict[str, Any]) -> None:
        """One epoch is done and validated."""
        self.done = record["epoch"]
        self.steps_an_epoch, self.first = self.first, 0
        metrics = " ".join(f"{k} {v:.4g}" for k, v in record.items() if k not in ("epoch",))
        if self.bar is not None:
            self.bar.n = self.done
            self.bar.set_postfix_str(metrics)
        else:
            print(f"  epoch {self.done}/{self.epochs} valid: {metrics}", flush=True)  # noqa: T201

    def _left(self, batch: int) -> str:
        if not self.steps_an_epoch:
            return ""
        done = self.done + batch / self.steps_an_epoch
        # Seconds are those of this process; a killed one before it did the epochs up to here.
        an_epoch = (time.monotonic() - self.started) / (done - self.resumed)
        return f" about {an_epoch * (self.epochs - done):.0f} s left"


class Countdown:
    """The same for one computation of a known number of iterations."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.bar: tqdm[None] | None = None
        self.started = self.spoke = time.monotonic()

    def __enter__(self) -> "Countdown":
        if sys.stderr.isatty():
            self.bar = tqdm(total=self.total, unit="iteration")
        return self

    def __exit__(self, *_: object) -> None:
        if self.bar is not None:
            self.bar.close()

    def step(self, done: int, losses: dict[str, float]) -> None:
        """So many iterations are done."""
        text = " ".join(f"{name} {value:.4g}" for name, value in losses.items())
        if self.bar is not None:
            self.bar.set_postfix_str(text, refresh=False)
            self.bar.update(done - self.bar.n)
        elif done in (0, self.total) or time.monotonic() - self.spoke > PLAIN_SECONDS:
            self.spoke = time.monotonic()
            print(f"  iteration {done}/{self.total} {text}{self._left(done)}", flush=True)  # noqa: T201

    def _left(self, done: int) -> str:
        if not 0 < done < self.total:
            return ""
        return f" about {(time.monotonic() - self.started) * (self.total / done - 1):.0f} s left"
