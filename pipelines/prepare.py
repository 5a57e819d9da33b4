"""prepare@<dataset>: pinned source -> table -> Great Expectations -> data/<dataset>/."""

from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import great_expectations as gx  # noqa: F401  (its seconds belong to start-up, not to the work)

from pipelines.params import DatasetParams, dataset_params
from pipelines.stage import run_stage
from repertoire.config import parse
from repertoire.data.dataset import write_dataset
from repertoire.data.doors import left_out
from repertoire.data.facts import check_facts
from repertoire.data.files import digest_tree, whole_folder, write_json
from repertoire.data.own_expectations import own_expectations
from repertoire.data.page import validation_page
from repertoire.data.sources import Files, fetch
from repertoire.data.validation import Expectation, common, validate, with_identity
from repertoire.kinds import load_facts
from repertoire.readers import load_reader

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Tabulated:
    """The table of a data set, what is expected of it, and the reader that made it."""

    reader: ModuleType
    config: Any
    table: "pd.DataFrame"
    expectations: list[Expectation]


def tabulated(name: str, params: DatasetParams) -> Tabulated:
    """Read the sources and raw files of a data set."""
    reader = load_reader(params.reader)
    config = parse(reader.Config, params.config, f"params.yaml.datasets.{name}.config")
    files = Files({key: fetch(source) for key, source in params.sources.items()})
    if params.raw:
        files["raw"] = Path("raw") / name
    table = reader.tabulate(config, files)
    few = left_out(table)
    table = with_identity(table)
    own = own_expectations(
        params.expectations, f"params.yaml.datasets.{name}.expectations", list(table.columns)
    )
    columns = [c for c in table.columns if c not in ("row", "split", "key", "splits_of_key")]
    expectations = [*common(columns), *reader.expectations(config), *few, *own]
    return Tabulated(reader, config, table, expectations)


def prepare(name: str) -> None:
    """Write data/<name>/; a failed expectation, or facts of another kind, leave nothing behind."""
    params = dataset_params(name)
    found = tabulated(name, params)
    reader, table = found.reader, found.table
    records = validate(name, table, found.expectations)
    encoded = reader.encode(found.config, table)
    origins: list[Any] = [*params.sources.values(), *([params.raw] if params.raw else [])]
    facts = {
        "dataset": name,
        "kind": reader.KIND,
        "origin": _joined([source.origin for source in origins], "generated"),
        "licence": _joined([source.licence for source in origins], "generated, none needed"),
    }
    check_facts(load_facts(reader.KIND), {**facts, **encoded.facts}, params.reader)
    with whole_folder(Path("data") / name) as folder:
        write_dataset(folder, encoded, facts)
        write_json(folder / "validation.json", records)
        page = validation_page(name, facts, records, table)
        (folder / "validation.html").write_text(page, encoding="utf-8")
        print(
            f"{name}: {len(table)} rows hold {len(records)} expectations; "
            f"digest {digest_tree([folder])[:12]}"
        )


def _joined(texts: list[str], none: str) -> str:
    return "; ".join(dict.fromkeys(texts)) or none


if __name__ == "__main__":
    run_stage("prepare", prepare)
