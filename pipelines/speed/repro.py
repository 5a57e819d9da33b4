"""What the pipeline costs besides its work: starts of processes, and a run that has none."""

import resource
import subprocess
import sys
import time

from pipelines import split

DVC = [sys.executable, "-m", "dvc"]


def main() -> None:
    """Print the split of the last run and the CPU seconds of a run with nothing to do."""
    split.main()
    status = subprocess.run([*DVC, "status", "--quiet"], capture_output=True, encoding="utf-8")
    if status.returncode != 0:
        # It would train; and while another run holds the lock, neither can be measured.
        print("up-to-date repro: not measured, because `dvc status` does not say up to date")
        return
    before, start = _cpu_seconds(), time.perf_counter()
    done = subprocess.run([*DVC, "repro", "--quiet"], capture_output=True, encoding="utf-8")
    wall, cpu = time.perf_counter() - start, _cpu_seconds() - before
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["it gave no reason"])[-1]
        print(f"up-to-date repro: not measured: {last}")
        return
    print(f"up-to-date repro: {cpu:.1f} s CPU, {wall:.1f} s wall")


def _cpu_seconds() -> float:
    """Of all children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
