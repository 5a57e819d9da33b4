"""What `prepare` costs for many short labelled texts: CPU seconds a step, memory at its peak."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from pipelines.params import DatasetParams, Raw
from repertoire.data.dataset import write_dataset
from repertoire.data.files import digest_tree, write_json
from repertoire.data.page import validation_page
from repertoire.data.validation import validate

WORDS, VOCABULARY = 8, 20_000  # words of a text, and how many there are
NAME = "texts"


def write_texts(path: Path, rows: int) -> None:
    """About 50 bytes a row: words by Zipf's law, and a label that two of them decide."""
    import numpy as np

    rng = np.random.default_rng(7)
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz"))
    known = ["".join(rng.choice(letters, size)) for size in rng.integers(2, 9, VOCABULARY)]
    with path.open("w", encoding="utf-8") as file:
        file.write("text,label\n")
        for start in range(0, rows, 10_000):
            count = min(10_000, rows - start)
            drawn = np.minimum(rng.zipf(1.2, (count, WORDS)), VOCABULARY) - 1
            for ids in drawn.tolist():
                label = "good" if (ids[0] + ids[1]) % 3 else "bad"
                file.write(f"{' '.join(known[i] for i in ids)} {rng.integers(10**6)},{label}\n")


def measure(folder: Path) -> None:
    """Prepare the texts of a folder in this process, and print what each step costs."""
    from pipelines.prepare import tabulated
    from repertoire.readers import labelled_table

    os.chdir(folder)
    proposal = labelled_table.propose(Path("raw") / NAME, {})
    params = DatasetParams(
        proposal.reader, {}, Raw("drawn here", "none"), proposal.config, proposal.baseline, ()
    )
    clock = _Clock()
    found = tabulated(NAME, params)
    clock.note("read and tabulate")
    records = validate(NAME, found.table, found.expectations)
    clock.note("validate")
    encoded = found.reader.encode(found.config, found.table)
    clock.note("encode")
    (data := Path("data")).mkdir()
    write_dataset(data, encoded, {"dataset": NAME})
    write_json(data / "validation.json", records)
    facts = {"origin": "drawn here", "licence": "none"}
    (data / "validation.html").write_text(validation_page(NAME, facts, records, found.table))
    digest = digest_tree([data])[:12]
    clock.note("write")
    clock.end(len(found.table), digest)


class _Clock:
    """CPU seconds of this process between steps."""

    def __init__(self) -> None:
        self.first = self.last = time.process_time()

    def note(self, step: str) -> None:
        now = time.process_time()
        print(f"{step:20}{now - self.last:8.1f} s{_peak():8.2f} GiB at most", flush=True)
        self.last = now

    def end(self, rows: int, digest: str) -> None:
        total = time.process_time() - self.first
        print(f"{'together':20}{total:8.1f} s of one core for {rows:,} texts; digest {digest}")


def _peak() -> float:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0]) / 2**20


def main(rows: int) -> None:
    """In a process of its own, so that the peak is that of `prepare` alone."""
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder) / "raw" / NAME
        raw.mkdir(parents=True)
        write_texts(raw / "texts.csv", rows)
        size = (raw / "texts.csv").stat().st_size / 2**20
        print(f"{rows:,} texts, {size:.0f} MiB", flush=True)
        command = [sys.executable, "-m", "pipelines.speed.prepare", folder]
        subprocess.run(command, env={**os.environ, "OMP_NUM_THREADS": "1"}, check=True)


if __name__ == "__main__":
    measure(Path(sys.argv[1]))
