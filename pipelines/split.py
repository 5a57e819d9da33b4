"""`python -m pipelines.split`: every model with its training seconds, and the time by stage.

Every stage process appends a line to .timings/stages.jsonl: seconds until it reached its work
(interpreter and imports), seconds of work, and when it ended.
"""

import json
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

from pipelines.artifact import ARTIFACTS, RESULTS
from pipelines.report.card import parameters
from pipelines.stage import TIMINGS
from repertoire.data.files import read_json

PAUSE = 30.0  # seconds without a stage that separate one run from the next


@dataclass(frozen=True)
class Record:
    """One process of a stage; ``ended`` is 0 where it was not noted.

    ``result_s``: seconds that its result took, of other processes too.
    """

    stage: str
    item: str
    start_s: float
    work_s: float
    ended: float
    result_s: float

    @property
    def began(self) -> float:
        return self.ended - self.work_s - self.start_s


@dataclass(frozen=True)
class Split:
    """Seconds of some processes; what ``wall`` has beyond their sum is DVC's own."""

    processes: int
    start_s: float
    work_s: float
    wall_s: float

    @property
    def dvc_s(self) -> float:
        return max(0.0, self.wall_s - self.start_s - self.work_s)


def read(path: Path) -> list[Record]:
    """Every process, in the order in which they ended."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [_record(json.loads(line)) for line in lines if line.strip()]


def _record(line: dict[str, Any]) -> Record:
    ended = float(line.get("ended", 0))
    work = line["work_s"]
    result = line.get("result_s", work)
    return Record(line["stage"], line["item"], line["start_s"], work, ended, result)


def latest(records: list[Record]) -> list[Record]:
    """The last process of each stage and item: the one that made the current outputs."""
    return list({(record.stage, record.item): record for record in records}.values())


def last_run(records: list[Record]) -> list[Record]:
    """The processes since the last pause, which is where the last `dvc repro` began."""
    timed = sorted((r for r in records if r.ended), key=lambda record: record.began)
    earlier = zip(reversed(timed[:-1]), reversed(timed[1:]), strict=True)
    close = takewhile(lambda pair: pair[1].began - pair[0].ended < PAUSE, earlier)
    return timed[len(timed) - 1 - len(list(close)) :] if timed else []


def split(records: list[Record]) -> Split:
    """Seconds of these processes together, and from the first one's start to the last one's end."""
    wall = max((r.ended for r in records), default=0) - min((r.began for r in records), default=0)
    start, work = sum(r.start_s for r in records), sum(r.work_s for r in records)
    return Split(len(records), start, work, wall)


def table(records: list[Record]) -> list[str]:
    """One line a stage, in the order in which they first ran."""
    lines = [f"{'stage':10} {'processes':>9} {'start s':>9} {'work s':>9}"]
    for stage in dict.fromkeys(record.stage for record in records):
        part = split([record for record in records if record.stage == stage])
        lines.append(f"{stage:10} {part.processes:9} {part.start_s:9.1f} {part.work_s:9.1f}")
    return lines


def models(records: list[Record], artifacts: Path) -> list[str]:
    """One line a recipe that was trained and evaluated: its size, seconds and gate."""
    lines = [f"{'recipe':22} {'parameters':>10} {'train s':>8}  {'metric':24} {'test':>9} against"]
    for record in latest(records):
        folder = artifacts / record.item
        if record.stage != "train" or not (folder / RESULTS).exists():
            continue
        gate = read_json(folder / RESULTS)["gate"]
        size, seconds = parameters(folder), record.result_s
        lines.append(
            f"{record.item:22} {size:10,} {seconds:8.1f}  {gate['metric']:24} "
            f"{gate['value']:9.4g} {gate['baseline_value']:.4g} ({gate['baseline']})"
        )
    return lines


def _share(part: float, whole: float) -> str:
    return f"{100 * part / whole if whole else 0:.0f} %"


def summary(records: list[Record]) -> list[str]:
    """The lines that ``main`` prints; records must not be empty."""
    current, run = split(latest(records)), split(last_run(records))
    both = current.start_s + current.work_s
    lines = [
        *table(latest(records)),
        f"{'all':10} {current.processes:9} {current.start_s:9.1f} {current.work_s:9.1f}",
        f"work (training, evaluation, data) is {_share(current.work_s, both)} of the processes' "
        f"time, starting them {_share(current.start_s, both)}",
    ]
    if run.processes:
        lines.append(
            f"last run: {run.processes} processes in {run.wall_s:.0f} s; "
            f"work {_share(run.work_s, run.wall_s)}, starts {_share(run.start_s, run.wall_s)}, "
            f"DVC {_share(run.dvc_s, run.wall_s)}"
        )
    return lines


def main() -> None:
    """Print the table of the newest process of every stage, and the shares of the last run."""
    records = read(TIMINGS)
    if records:
        print("\n".join([*models(records, ARTIFACTS), "", *summary(records)]))
    else:
        print(f"{TIMINGS}: nothing ran yet; run: make repro")


if __name__ == "__main__":
    main()
