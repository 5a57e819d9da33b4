"""`python -m pipelines.data_docs [DATASET …]`: the data docs of Great Expectations.

The tables of data sets are made and validated again, in a file context below the output folder;
each further run adds its results to those that are there. Works in any folder with a params.yaml.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

os.environ["GX_ANALYTICS_ENABLED"] = "false"  # before Great Expectations is imported

import great_expectations as gx
from great_expectations.checkpoint import UpdateDataDocsAction

from pipelines.params import dataset_names, dataset_params
from pipelines.prepare import tabulated
from repertoire.config import ConfigError, RepertoireError
from repertoire.data.validation import suite_of

OUTPUT = Path("reports/data_docs")


def build(names: Sequence[str], output: Path) -> tuple[Path, int]:
    """Validate data sets anew; returns the first page of the docs, and how many sets failed."""
    output.mkdir(parents=True, exist_ok=True)
    context = gx.get_context(mode="file", project_root_dir=output)
    context.variables.analytics_enabled = False
    off: Any = {"globally": False, "metric_calculations": False}
    context.variables.progress_bars = off
    context.variables.save()
    failed = sum(not _validated(context, name) for name in names)
    [page] = context.build_data_docs().values()
    return Path(page.removeprefix("file://")), failed


def _validated(context: Any, name: str) -> bool:
    """Whether every expectation of a data set holds; its results are in the docs."""
    found = tabulated(name, dataset_params(name))
    source = context.data_sources.add_or_update_pandas(name)
    batch = source.add_dataframe_asset(name).add_batch_definition_whole_dataframe(name)
    suite = context.suites.add_or_update(suite_of(name, found.expectations))
    definition = context.validation_definitions.add_or_update(
        gx.ValidationDefinition(name=name, data=batch, suite=suite)
    )
    checkpoint = gx.Checkpoint(
        name=name,
        validation_definitions=[definition],
        actions=[UpdateDataDocsAction(name="docs")],
        result_format="SUMMARY",
    )
    checkpoint = context.checkpoints.add_or_update(checkpoint)
    held = bool(checkpoint.run(batch_parameters={"dataframe": found.table}).success)
    words = "hold" if held else "do not all hold"
    print(f"{name}: {len(found.table):,} rows; {len(found.expectations)} expectations {words}")
    return held


def chosen(asked: Sequence[str]) -> list[str]:
    """The data sets that were named, else every prepared one. Raises ConfigError."""
    known = dataset_names()
    if unknown := [name for name in asked if name not in known]:
        raise ConfigError(f"no data set {unknown[0]!r}; there are: {', '.join(known)}")
    prepared = [name for name in known if (Path("data") / name / "facts.json").exists()]
    if not asked and not prepared:
        raise ConfigError("no data set is prepared; name one, or prepare it: dvc repro prepare")
    return list(asked) or prepared


def main(argv: Sequence[str] | None = None) -> int:
    """Returns the exit status: 1 where an expectation does not hold."""
    parser = argparse.ArgumentParser(prog="python -m pipelines.data_docs", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="DATASET", help="by default all prepared ones")
    parser.add_argument("--output", type=Path, default=OUTPUT, metavar="DIR")
    options = parser.parse_args(argv)
    try:
        page, failed = build(chosen(options.names), options.output)
    except RepertoireError as error:
        sys.exit(f"data_docs: {error}")
    print(page)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
