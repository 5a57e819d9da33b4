"""What every stage process shares: its clock, and one clear line when something is wrong."""

import errno
import inspect
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from repertoire.config import RepertoireError

TIMINGS = Path(".timings/stages.jsonl")
TRAINING_SECONDS = Path(".timings/training.js")  # what the report's first page shows
FULL_OR_FORBIDDEN = (
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EFBIG,
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
)
INTERRUPTED = 130  # what a shell reports after Ctrl-C
FAMILY_PARTS = {
    "train": ("config", "network", "learner", "evaluation"),
    "export": ("config", "network", "evaluation"),
    "evaluate": ("config", "evaluation"),
}


def family_modules(family: str, stage: str) -> list[str]:
    """The modules of a family that a stage loads by name."""
    return [f"repertoire.families.{family}.{part}" for part in FAMILY_PARTS[stage]]


def run_stage(
    stage: str, work: Callable[..., float | None], born: float | None = None, waited: float = 0.0
) -> None:
    """Run ``work`` on the command line's arguments; known errors become one line and exit 1.

    ``born`` is when the process was asked for, where it is not the one that was started;
    ``waited`` are seconds since then in which others did its work. What ``work`` returns is noted
    as the seconds that its result took, other processes' included.
    """
    arguments = sys.argv[1:]
    label = " ".join((stage, *arguments))
    started = time.time() - waited
    try:
        seconds = _call(work, arguments)
    except RepertoireError as error:
        sys.exit(f"{label}: {error}")
    except FileNotFoundError as error:
        missing = error.filename or " ".join(str(error).split())
        target = f"{stage}@{arguments[0]}" if arguments else stage
        sys.exit(f"{label}: no such file: {missing}; `dvc repro {target}` makes what comes before")
    except OSError as error:
        if error.errno is None:  # of a library that means something else by it
            raise
        sys.exit(f"{label}: {_of_files(error)}")
    except MemoryError as error:
        sys.exit(f"{label}: out of memory ({' '.join(str(error).split()) or 'nothing is left'})")
    except KeyboardInterrupt:
        end_interrupted(label)
    _note_time(stage, arguments, started, born, seconds)


def _of_files(error: OSError) -> str:
    place = error.filename or "the output"
    if error.errno in FULL_OR_FORBIDDEN:
        remedy = "free space or fix the permissions and repeat"
        return f"cannot write {place}: {error.strerror}; {remedy}"
    return f"{place}: {error.strerror}; move what lies there out of the way and repeat"


def end_interrupted(label: str) -> NoReturn:
    """One line after Ctrl-C: nothing is lost, for outputs appear whole and trainings are saved."""
    print(f"{label}: interrupted; the same command goes on where it stopped", file=sys.stderr)
    sys.exit(INTERRUPTED)


def _call(work: Callable[..., float | None], arguments: list[str]) -> float | None:
    try:
        inspect.signature(work).bind(*arguments)
    except TypeError:
        wanted = " ".join(f"<{name}>" for name in inspect.signature(work).parameters)
        raise RepertoireError(f"expected arguments: {wanted or 'none'}") from None
    return work(*arguments)


def _note_time(
    stage: str, arguments: list[str], started: float, born: float | None, seconds: float | None
) -> None:
    """Append how long the process took to start and to work; never part of an output."""
    import psutil

    born = born or psutil.Process().create_time()
    record = {
        "stage": stage,
        "item": arguments[0] if arguments else "",
        "start_s": round(started - born, 3),
        "work_s": round(time.time() - started, 3),
        "ended": round(time.time(), 3),
        **({} if seconds is None else {"result_s": round(seconds, 3)}),
    }
    TIMINGS.parent.mkdir(exist_ok=True)
    with TIMINGS.open("a", encoding="utf-8") as file:
        file.write(json.dumps(record) + "\n")
    if stage == "train":
        with TRAINING_SECONDS.open("a", encoding="utf-8") as file:
            place = f"(window.trainingSeconds ??= {{}})[{json.dumps(record['item'])}]"
            file.write(f"{place} = {record.get('result_s', record['work_s'])};\n")
