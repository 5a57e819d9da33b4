"""`python -m pipelines.speed [NAME …]`, of BENCHMARKS: by default all.

`python -m pipelines.speed soak` keeps a server under load for half an hour.
"""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

# Each import waits until it is needed: the benchmark of one part measures no other part's imports.


def training() -> None:
    from pipelines.speed import training as measured

    measured.main()


def inference() -> None:
    from pipelines.speed import inference as measured

    measured.main()


def overhead() -> None:
    from pipelines.speed import overhead as measured

    measured.main()


def serving() -> None:
    """Serve the largest language model that the pipeline has made."""
    from pipelines.speed import serving as measured

    sizes = dict(_next_graphs(Path("artifacts")))
    if sizes:
        model = max(sizes, key=lambda folder: sizes[folder])
        print(f"model: {model}")
        measured.main(["--model", str(model)])
    else:
        print("artifacts: holds no language model to serve; run: make repro")


def _next_graphs(artifacts: Path) -> list[tuple[Path, int]]:
    found = []
    for path in sorted(artifacts.glob("*/manifest.json")):
        for graph in json.loads(path.read_text(encoding="utf-8"))["graphs"]:
            outputs = {port["name"] for port in graph["outputs"]}
            if graph["name"] == "next" and outputs >= {"log_probs", "top_ids", "top_log_probs"}:
                found.append((path.parent, int(graph["bytes"])))
    return found


def batch() -> None:
    from pipelines.speed import batch as measured

    measured.main()


def repro() -> None:
    from pipelines.speed import repro as measured

    measured.main()


def prepare(rows: int = 100_000) -> None:
    from pipelines.speed import prepare as measured

    measured.main(rows)


BENCHMARKS: dict[str, Callable[[], None]] = {
    "training": training,
    "inference": inference,
    "overhead": overhead,
    "serving": serving,
    "batch": batch,
    "repro": repro,
    "prepare": prepare,
}


def main(argv: Sequence[str] | None = None) -> None:
    given = sys.argv[1:] if argv is None else argv
    if given[:1] == ["soak"]:  # half an hour, so it runs alone and never by default
        from pipelines.speed import soak

        sys.exit(soak.main(given[1:]))
    parser = argparse.ArgumentParser(prog="python -m pipelines.speed", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="|".join(BENCHMARKS))
    parser.add_argument("--rows", type=int, default=100_000, help="texts of the benchmark prepare")
    options = parser.parse_args(argv)
    names = options.names or list(BENCHMARKS)
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        sys.exit(f"speed: no benchmark {unknown[0]!r}; there are: {', '.join(BENCHMARKS)}")
    for name in names:
        print(f"== {name}", flush=True)
        if name == "prepare":
            prepare(options.rows)
        else:
            BENCHMARKS[name]()


if __name__ == "__main__":
    main()
