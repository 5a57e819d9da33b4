"""`python -m pipelines.add NAME DATA… --family FAMILY`: look at files, write a recipe."""

import argparse
import sys
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any

from pipelines.add.origin import stage_raw
from pipelines.add.project import Project
from pipelines.add.trial import Trial, run_trial
from pipelines.params import NAME, STRONGEST
from repertoire.config import ConfigError, RepertoireError
from repertoire.contract import Family, family_names, load_family
from repertoire.data.doors import OptionNeeded, Proposal
from repertoire.readers import load_reader, reader_names

SEED = 1
NEEDS_OPTION = 2  # the exit status where a choice is not plain


def main() -> None:
    """Known errors become one line; a choice that is not plain exits with 2."""
    try:
        _add(*_arguments(sys.argv[1:]))
    except OptionNeeded as error:
        print(f"add: {error}", file=sys.stderr)
        sys.exit(NEEDS_OPTION)
    except RepertoireError as error:
        sys.exit(f"add: {error}")
    except KeyboardInterrupt:
        print("add: interrupted; nothing was written", file=sys.stderr)
        sys.exit(130)


def _arguments(words: Sequence[str]) -> tuple[argparse.Namespace, Family, ModuleType]:
    """First the family, which decides the door; then the options that the door has."""
    first = argparse.ArgumentParser(add_help=False)
    first.add_argument("--family")
    family = first.parse_known_args(words)[0].family
    parser = argparse.ArgumentParser(
        "python -m pipelines.add",
        description="From your files to a recipe of your own: `make repro RECIPE=NAME` trains it.",
    )
    parser.add_argument("name", help="of the recipe and its data set")
    parser.add_argument("data", nargs="+", help="files, a folder, or addresses (https, s3, hf)")
    parser.add_argument("--family", required=True, help=f"one of: {', '.join(families())}")
    parser.add_argument("--project", type=Path, default=Path("own"), help="folder of your recipes")
    parser.add_argument("--minutes", type=float, default=5.0, help="budget of the training")
    parser.add_argument("--title", help="of the recipe in reports")
    parser.add_argument("--dry-run", action="store_true", help="print, write nothing")
    if family is None:
        parser.parse_args(words)
    door = door_of(load_family(family))
    for option, words_of in door.OPTIONS.items():
        parser.add_argument(f"--{option}", help=words_of, dest=f"option_{option}", metavar="VALUE")
    return parser.parse_args(words), load_family(family), door


def families() -> list[str]:
    """The families that a door leads to."""
    kinds = {load_reader(name).KIND for name in doors()}
    return [name for name in family_names() if kinds & set(load_family(name).kinds)]


def doors() -> list[str]:
    """The readers that propose."""
    return [name for name in reader_names() if hasattr(load_reader(name), "propose")]


def door_of(family: Family) -> ModuleType:
    """The door for the first kind of data of a family that has one."""
    found = {load_reader(name).KIND: load_reader(name) for name in doors()}
    for kind in family.kinds:
        if kind in found:
            return found[kind]
    raise ConfigError(
        f"{family.name}: takes no files of yours yet; there are: {', '.join(families())}"
    )


def _add(asked: argparse.Namespace, family: Family, door: ModuleType) -> None:
    if not NAME.fullmatch(asked.name):
        raise ConfigError(f"{asked.name}: not a name; use letters, digits, _ and -")
    if not asked.minutes > 0:
        raise ConfigError(f"--minutes {asked.minutes:g}: a number greater than 0")
    project = Project(asked.project)
    project.refuse_known(asked.name)
    options = {
        key.removeprefix("option_"): value
        for key, value in vars(asked).items()
        if key.startswith("option_") and value is not None
    }
    with TemporaryDirectory() as place:
        raw = Path(place) / "raw"
        raw.mkdir()
        stage_raw(asked.data, raw)
        proposal = door.propose(raw, options)
        for fact in proposal.facts:
            _say(fact.of, fact.sentence)
        reader = load_reader(proposal.reader)
        trial = run_trial(family, reader, proposal, SEED, asked.minutes)
        _say("model", _model_words(trial))
        _say("training", _training_words(trial, asked.minutes))
        if asked.dry_run:
            print("nothing was written (--dry-run)")
            return
        dataset = _dataset_block(proposal, asked.data)
        title = asked.title or f"{family.name.replace('_', ' ').capitalize()} of {asked.name}"
        recipe = _recipe_block(title, family, asked.name, trial)
        project.add(asked.name, raw, dataset, recipe)
    print(
        f"written to {project.path}; raw files are in {project.folder}/raw/{asked.name}, under DVC"
    )
    where = "" if project.folder == Path("own") else f" PROJECT={project.folder}"
    print(f"next: make repro RECIPE={asked.name}{where}")


def _say(of: str, sentence: str) -> None:
    head = f"{of + ':':<12} "
    print(textwrap.fill(sentence, 100, initial_indent=head, subsequent_indent=" " * len(head)))


def _model_words(trial: Trial) -> str:
    shown = [f"{k} {v}" for k, v in trial.preset.config.items() if isinstance(v, int | str | float)]
    return ", ".join(shown[:8]) + (" …" if len(shown) > 8 else "")


def _training_words(trial: Trial, minutes: float) -> str:
    words = (
        f"{_counted(trial.epochs, 'epoch')} of {_counted(trial.steps, 'step')}, "
        f"{_time_words(trial.minutes)} "
        f"(measured {1000 * trial.step_seconds:.1f} ms a step on one thread)"
    )
    if trial.minutes > minutes:
        budget = f"{minutes:g} minute{'' if minutes == 1 else 's'}"
        return f"{words}: one epoch takes longer than the {budget} of --minutes"
    if trial.epochs < trial.preset.epochs:
        return f"{words}; {trial.preset.epochs} could be of use: more with --minutes"
    return words


def _time_words(minutes: float) -> str:
    if minutes < 0.05:
        return "a few seconds"
    return f"about {minutes:.1f} minute{'' if f'{minutes:.1f}' == '1.0' else 's'}"


def _counted(number: int, name: str) -> str:
    return f"{number:,} {name}{'' if number == 1 else 's'}"


def _dataset_block(proposal: Proposal, origins: Sequence[str]) -> dict[str, Any]:
    """Where files come from is told by name: a path of one machine is of no use on another."""
    told = [origin if "://" in origin else Path(origin).name for origin in origins]
    return {
        "reader": proposal.reader,
        "sources": {},
        "raw": {"origin": ", ".join(told), "licence": "not stated"},
        "baseline": plain(proposal.baseline),
        "expectations": [],
        "config": plain(proposal.config),
    }


def _recipe_block(title: str, family: Family, dataset: str, trial: Trial) -> dict[str, Any]:
    return {
        "title": title,
        "family": family.name,
        "dataset": dataset,
        "seed": SEED,
        "training": {"epochs": trial.epochs},
        "gate": {
            "metric": trial.preset.metric,
            "better": trial.preset.better,
            "baseline": STRONGEST,
        },
        "config": plain(trial.preset.config),
    }


def plain(value: Any) -> Any:
    """Values as YAML writes them: tuples as lists."""
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return value


if __name__ == "__main__":
    main()
