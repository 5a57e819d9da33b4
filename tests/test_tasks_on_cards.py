"""A card says of a task what the task's own module declares, in lines that a shell can run."""

import base64
import json
import subprocess
import sys

import pytest
from starlette.testclient import TestClient

from pipelines.code import closure
from pipelines.params import Gate, Recipe, Training
from pipelines.report import card, inputs
from repertoire.config import RepertoireError
from repertoire.runtime import tasks
from repertoire.runtime.task import File, Known, Task, files_of
from serving.app import create_app
from serving.queue.plane import Plane
from serving.repository import Repository
from serving.service import Service
from tests.serving import standins

SHOUT = '''
from dataclasses import dataclass
from typing import Any, TypedDict

from repertoire.runtime.task import File, Task

@dataclass(frozen=True)
class Shout:
    text: str
    voice: str = ""

class Shouted(TypedDict):
    loud: str

def shout(model, run, request: Shout) -> Shouted:
    """Says a text louder."""
    return {"loud": request.text.upper()}

def sound(model, request: Shout, answer: Shouted):
    return answer["loud"].encode()

def example(known):
    text = known.facts.get("word", "") + known.config.get("ending", "")
    return {"text": text, "100 %": "\\\\d"} | (
        {"voice": File("my voice.wav", long=known.config["long"])} if known.figures else {}
    )

TASKS = (
    Task(
        "shout", shout, use="saying it louder", rows="text", column="text", example=example,
        rendered={"audio/wav": sound}, accept="audio/wav", into="loud.wav",
    ),
)
'''
WAV = {"Accept": "audio/wav"}
# What curl is told: headers and body, each on a line.
CURL = """
curl() {
  while [ $# -gt 0 ]; do
    case $1 in
      -H) echo "$2"; shift 2;;
      -d) if [ "$2" = @- ]; then cat; else printf %s "$2"; fi; shift 2;;
      *) shift;;
    esac
  done
}
"""


def recipe(**config):
    gate = Gate("m", "lower", "b", 1, "passed")
    return Recipe("A", "toy", "some_lines", 7, Training(3, 1, 1.0, 2), gate, config)


@pytest.fixture
def shout(tmp_path, monkeypatch):
    """A module with a task, beside those of the server."""
    (tmp_path / "more").mkdir()
    (tmp_path / "more/shouting.py").write_text(SHOUT)
    monkeypatch.setattr(tasks, "__path__", [*tasks.__path__, str(tmp_path / "more")])
    found = tasks._found()
    monkeypatch.setattr(tasks, "TASKS", found)
    monkeypatch.setattr(card, "TASKS", found)
    yield
    del sys.modules["repertoire.runtime.tasks.shouting"]


def sent(line, folder):
    """What the shell gives to curl, and what the line writes otherwise."""
    command = ["bash", "-c", CURL + line]
    done = subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8", check=True)
    assert not done.stderr
    return done.stdout


def test_a_module_with_a_task_is_enough_for_the_card_and_the_server(shout, tmp_path):
    said = card.intended_use(["score", "shout"], "some_lines")
    assert "telling how likely a text is under it and saying it louder." in said
    manifest = {"tasks": ["shout"], "facts": {"word": "it's"}}
    (line,) = card.requests("toy", manifest, recipe(ending=" $HOME"), [])
    assert "localhost:8000/v1/models/toy/shout -H" in line
    assert sent(line, tmp_path) == ""
    told = (tmp_path / "loud.wav").read_text().splitlines()
    assert (told[0], json.loads(told[1])) == (
        "Accept: audio/wav",
        {"text": "it's $HOME", "100 %": "\\d"},
    )
    standins.write_manifest(tmp_path / "models/toy", "toy", ["shout"], [])
    repository = Repository(tmp_path / "models")
    repository.refresh()
    service = Service(repository, Plane(repository))
    with TestClient(create_app(service, poll_seconds=3600)) as client:
        answer = client.post("/v1/models/toy/shout", json={"text": "hey"})
        heard = client.post("/v1/models/toy/shout", json={"text": "hey"}, headers=WAV)
    assert answer.json() == {"loud": "HEY"}
    assert (heard.headers["content-type"], heard.content) == ("audio/wav", b"HEY")


@pytest.mark.parametrize("long", [False, True])
def test_a_file_of_an_example_is_sent_in_base64_whatever_stands_beside_it(shout, tmp_path, long):
    content = bytes(range(251)) * (997 if long else 3)
    (tmp_path / "my voice.wav").write_bytes(content)
    manifest = {"tasks": ["shout"], "facts": {"word": '"`a`" \\ 5 %s'}}
    (line,) = card.requests("toy", manifest, recipe(ending="$(ls)", long=long), [{"name": "f"}])
    assert sent(line, tmp_path) == ""
    _, body = (tmp_path / "loud.wav").read_text().split("\n", 1)
    assert json.loads(body) == {
        "text": '"`a`" \\ 5 %s$(ls)',
        "100 %": "\\d",
        "voice": base64.b64encode(content).decode(),
    }


def test_every_task_has_a_use_and_an_example_where_nothing_but_its_name_is_known(tmp_path):
    for file in ("picture.png", "one.png", "other.png", "picture.jpg"):
        (tmp_path / file).write_bytes(file.encode())
    manifest = {"tasks": list(tasks.TASKS), "facts": {}}
    lines = card.requests("toy", manifest, recipe(), [])
    assert len(lines) == len(tasks.TASKS) > 20
    for task, line in zip(tasks.TASKS.values(), lines, strict=True):
        body = json.loads(sent(line.partition(" > ")[0], tmp_path).splitlines()[-1])
        assert body.keys() == task.example(Known()).keys()
    assert len({task.use for task in tasks.TASKS.values()}) == len(lines)


def test_a_task_that_no_server_has_is_named_with_the_remedy():
    with pytest.raises(RepertoireError, match=r"task 'juggle': nobody offers it; add a module"):
        card.intended_use(["score", "juggle"], "some_lines")
    with pytest.raises(RepertoireError, match=r"'juggle'.*some of: analogy, blend, "):
        card.requests("toy", {"tasks": ["juggle"], "facts": {}}, recipe(), [])


@pytest.mark.parametrize(
    ("more", "match"),
    [
        ({"use": ""}, "without use; say what"),
        ({"accept": "image/png", "into": "a.png"}, "rendered are none"),
        ({"into": "a.png"}, "into 'a.png'"),
        ({"rows": "c"}, "c is no field of its request"),
        ({"others": {"d": "c"}}, "c is no field of its request"),
    ],
)
def test_a_declaration_that_cannot_stand_on_a_card_is_refused(more, match):
    declared = {"use": "b", "rows": "text", "column": "text", "example": dict}
    with pytest.raises(ValueError, match=f"task shout: .*{match}"):
        Task("shout", tasks.TASKS["score"].answer, **declared | more)


def test_a_report_is_drawn_again_when_a_task_says_something_else():
    drawn = {path.name for path in closure(inputs._modules())}
    assert {"style.py", "recommendation.py", "examples.py"} <= drawn


def test_files_are_found_at_any_depth_in_their_order():
    one, other = File("one"), File("other", long=True)
    assert files_of({"a": [1, {"b": one}], "c": "d", "e": other}) == [one, other]
