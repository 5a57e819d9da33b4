"""The batch job beside what else answers a file of rows: ratios, and nothing is judged.

Each command runs in a process of its own, on all rows and on a few of them: the difference is what
the other rows took, without the start. The sides take turns, and a ratio is the median over rounds.
"""

from __future__ import annotations

import datetime
import io
import itertools
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image, ImageDraw
from pyarrow import csv as arrow_csv

from repertoire.contract import Array
from repertoire.runtime import load
from repertoire.runtime.loaded import LoadedModel

ROUNDS = 3
FEW, MANY = 256, 100_000  # rows of a short run, and of one after which a start no longer counts
TOKENS, ALONE = 64, 50  # of a text; texts generated one after another
SHARE, TIMES = 0.9, 5  # what is wanted: of a plain loop's rate, and of all others'
OF_LOCAL = 0.8  # what is wanted of Ray: of one process's rate
FORMATS = ("%A, %B %d, %Y", "%d %B %Y", "%Y. %m. %d.", "%d/%m/%Y", "%b %d, %Y", "%Y%m%d")
Command = list[str]


@dataclass(frozen=True)
class Compared:
    """A task of a model over so many rows of a file, and the file that its answers go into."""

    model: str
    task: str
    rows: int
    source: str
    output: str
    make: Callable[[Path, Path, int], None]  # (model folder, file, rows)


@dataclass(frozen=True)
class Spent:
    """Seconds: of all processors, children included, and of the clock."""

    cpu: float
    wall: float

    def less(self, other: Spent) -> Spent:
        return Spent(self.cpu - other.cpu, self.wall - other.wall)


def spent(command: Command, log: Path) -> Spent:
    """Raises CalledProcessError for a command that fails, whose words are in the log."""
    start = time.perf_counter()
    with log.open("wb") as file:
        process = subprocess.Popen(command, stdout=file, stderr=file)
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        print(log.read_text("utf-8", "replace"))
        raise subprocess.CalledProcessError(process.returncode, command)
    return Spent(usage.ru_utime + usage.ru_stime, time.perf_counter() - start)


def texts(folder: Path, path: Path, rows: int) -> None:
    """Texts of 3 to 40 words of the model's vocabulary, the frequent ones more often (Zipf)."""
    words, rng = _words(folder), np.random.default_rng(0)
    shares = 1 / np.arange(1, len(words) + 1)
    drawn = (
        rng.choice(len(words), rng.integers(3, 41), p=shares / shares.sum()) for _ in range(rows)
    )
    _write(path, "text", [" ".join(words[each] for each in some) for some in drawn])


def dates(folder: Path, path: Path, rows: int) -> None:
    """Days of a century as people write them."""
    rng, first = np.random.default_rng(0), datetime.date(1970, 1, 1)
    days = (first + datetime.timedelta(int(each)) for each in rng.integers(0, 36_500, rows))
    _write(path, "text", [day.strftime(f) for day, f in zip(days, itertools.cycle(FORMATS))])


def pictures(folder: Path, path: Path, rows: int) -> None:
    """PNG files of a bent line, of the size that the model takes."""
    _, height, width = load(folder, 1).run.graph("reconstruct").inputs[0].shape
    rng = np.random.default_rng(0)
    size = int(width), int(height)
    content = [_line(size, rng.random((4, 2)) * size) for _ in range(rows)]
    pq.write_table(pa.table({"image": content}), path)


def prompts(folder: Path, path: Path, rows: int) -> None:
    """Beginnings of 0 to 5 words."""
    words, rng = _words(folder)[:500], np.random.default_rng(0)
    drawn = (rng.integers(0, len(words), rng.integers(0, 6)) for _ in range(rows))
    _write(path, "prompt", [" ".join(words[each] for each in some) for some in drawn])


COMPARED = (
    Compared("sentiment_gru", "classify", 40_000, "csv", "jsonl", texts),
    Compared("dates", "translate", 5_000, "jsonl", "csv", dates),
    Compared("ae_convolutional", "reconstruct", 5_000, "parquet", "parquet", pictures),
)
SPREAD = Compared("sentiment_gru", "classify", 200_000, "csv", "jsonl", texts)  # over two actors
GENERATED = Compared("lstm_stacked", "generate", 1_000, "jsonl", "jsonl", prompts)


def _words(folder: Path) -> list[str]:
    """The vocabulary of a model, the frequent words first, without those that are none."""
    encoding = load(folder, 1).model.encoding("text")
    ids = {number: word for word, number in encoding.vocabulary.items()}
    special = {encoding.end, encoding.pad, encoding.unknown}
    return [ids[number] for number in sorted(ids) if number not in special]


def _line(size: tuple[int, int], points: Array) -> bytes:
    image = Image.new("L", size)
    ImageDraw.Draw(image).line([tuple(each) for each in points.tolist()], fill=255, width=3)
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def _write(path: Path, column: str, values: Sequence[str]) -> None:
    if path.suffix == ".csv":
        arrow_csv.write_csv(pa.table({column: values}), path)
    else:
        path.write_bytes(b"".join(orjson.dumps({column: value}) + b"\n" for value in values))


@dataclass(frozen=True)
class Bench:
    """Commands over the rows of one comparison, in a folder that is empty."""

    what: Compared
    artifacts: Path
    place: Path

    @property
    def folder(self) -> Path:
        return self.artifacts / self.what.model

    def source(self, rows: int) -> Path:
        path = self.place / f"{self.what.task}-{rows}.{self.what.source}"
        if not path.exists():
            self.what.make(self.folder, path, rows)
        return path

    def job(self, rows: int, *more: str) -> Command:
        output = self.place / f"job.{self.what.output}"
        asked = [self.what.model, self.what.task, str(self.source(rows)), str(output), *more]
        return [sys.executable, "-m", "serving.batch", *asked, "--models", str(self.artifacts)]

    def plain(self, rows: int) -> Command:
        output = self.place / f"plain.{self.what.output}"
        asked = [self.what.task, str(self.folder), str(self.source(rows)), str(output)]
        return [sys.executable, "-m", "pipelines.speed.plain_batch", *asked]

    def mlflow(self, rows: int) -> Command:
        model, output = self.place / "mlflow", self.place / "mlflow.json"
        asked = ["-m", str(model), "-i", str(self.source(rows)), "-o", str(output)]
        how = ["-t", "csv", "--env-manager", "local"]
        return [sys.executable, "-m", "mlflow", "models", "predict", *asked, *how]

    def further(self, command: Callable[[int], Command]) -> Spent:
        """What the rows beyond the first few took."""
        log = self.place / "log"
        return spent(command(self.what.rows), log).less(spent(command(FEW), log))


def files(bench: Bench) -> None:
    """The job against a plain loop, in rows per second of processor time."""
    rounds = [(bench.further(bench.job), bench.further(bench.plain)) for _ in range(ROUNDS)]
    ratio = statistics.median(plain.cpu / job.cpu for job, plain in rounds)
    rate = (bench.what.rows - FEW) / statistics.median(job.cpu for job, _ in rounds)
    print(
        f"{bench.what.task}, {bench.what.rows:,} rows, .{bench.what.source} to "
        f".{bench.what.output} ({bench.what.model}): {rate:,.0f} rows per CPU second, "
        f"{ratio:.2f} of a plain loop (target {SHARE:g})",
        flush=True,
    )


def mlflow(bench: Bench) -> None:
    """The job against `mlflow models predict`, in rows a second: whole, and without the start."""
    import mlflow

    model = bench.place / "mlflow"
    mlflow.pyfunc.save_model(model, loader_module="serving.pyfunc", data_path=str(bench.folder))
    log, rows = bench.place / "log", bench.what.rows
    commands = [command(n) for command in (bench.job, bench.mlflow) for n in (rows, FEW)]
    rounds = [[spent(command, log).wall for command in commands] for _ in range(ROUNDS)]
    whole = statistics.median(theirs / ours for ours, _, theirs, _ in rounds)
    further = statistics.median((t - few_t) / (o - few_o) for o, few_o, t, few_t in rounds)
    print(
        f"{bench.what.task}, {rows:,} rows ({bench.what.model}) against mlflow models predict: "
        f"{whole:.1f}x rows/s (target {TIMES}), {further:.1f}x without the start of both",
        flush=True,
    )


def ray(bench: Bench) -> None:
    """Two actors of Ray against one process of two threads, in rows a second beyond many."""
    log, rows, ratios = bench.place / "log", bench.what.rows, []
    for _ in range(ROUNDS):
        beyond = []
        for how in (("--engine", "ray", "--workers", "2"), ("--threads", "2")):
            whole, many = (spent(bench.job(n, *how), log) for n in (rows, MANY))
            beyond.append(whole.less(many).wall)
        ratios.append(beyond[1] / beyond[0])
    print(
        f"{bench.what.task}, rows {MANY:,} to {rows:,} ({bench.what.model}), two actors of Ray: "
        f"{statistics.median(ratios):.2f} of one process of two threads (target {OF_LOCAL:g})",
        flush=True,
    )


def generate(bench: Bench) -> None:
    """The job against one request after another in this process, in tokens a second."""
    model = load(bench.folder)
    settings = ("--set", f"max_tokens={TOKENS}", "--set", "stop_at_end=false", "--set", "seed=1")
    lines = bench.source(bench.what.rows).read_bytes().splitlines()[:ALONE]
    texts = [orjson.loads(line)["prompt"] for line in lines]
    _alone(model, texts[:2])
    ratios, rates = [], []
    for _ in range(ROUNDS):
        job = bench.further(lambda rows: bench.job(rows, *settings))
        rates.append((bench.what.rows - FEW) * TOKENS / job.wall)
        ratios.append(rates[-1] / _alone(model, texts))
    print(
        f"generate, {bench.what.rows:,} texts of {TOKENS} tokens ({bench.what.model}): "
        f"{statistics.median(rates):,.0f} tokens/s, {statistics.median(ratios):.1f}x those of one "
        f"request after another (target {TIMES})",
        flush=True,
    )


def _alone(model: LoadedModel, texts: Sequence[str]) -> float:
    """Tokens a second."""
    start = time.perf_counter()
    for place, text in enumerate(texts):
        model.generate(text, max_tokens=TOKENS, stop_at_end=False, seed=1 + place)
    return len(texts) * TOKENS / (time.perf_counter() - start)


def main(artifacts: Path = Path("artifacts")) -> None:
    measured = [(files, each) for each in COMPARED]
    measured += [(mlflow, COMPARED[0]), (ray, SPREAD), (generate, GENERATED)]
    for measure, what in measured:
        if not (artifacts / what.model / "manifest.json").exists():
            print(f"{artifacts}: holds no {what.model}, for {measure.__name__}; run: make repro")
            continue
        with tempfile.TemporaryDirectory() as place:
            measure(Bench(what, artifacts.absolute(), Path(place)))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
