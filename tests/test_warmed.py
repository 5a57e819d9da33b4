"""Forked commands end, speak and import as those do that start Python anew."""

import os
import subprocess
import sys

import pytest

from tests import warmed


@pytest.mark.parametrize(
    ("code", "status", "out", "err"),
    [
        ("print('done', sys.argv[1:], os.getcwd())", 0, "done ['tide', '7'] {folder}\n", ""),
        ("sys.exit(3)", 3, "", ""),
        ("sys.exit('no such tide')", 1, "", "no such tide\n"),
        ("sys.exit()", 0, "", ""),
        ("os.kill(os.getpid(), 9)", -9, "", ""),
        ("print(os.environ['ASKED'], 'HOME' in os.environ)", 0, "by name False\n", ""),
        ("print(sys.stdin.read() == '')", 0, "True\n", ""),
    ],
)
def test_a_command_is_a_process_like_another(code, status, out, err, tmp_path):
    words = ("-c", f"import os, sys; {code}", "tide", "7")
    environment = {"ASKED": "by name", "PATH": os.environ["PATH"]}
    cold = subprocess.run(
        [sys.executable, *words],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    for done in (cold, warmed.run(tmp_path, environment, *words)):
        said = (done.returncode, done.stdout, done.stderr)
        assert said == (status, out.format(folder=tmp_path), err)


def test_an_error_is_shown_with_its_place(tmp_path):
    done = warmed.run(tmp_path, os.environ, "-c", "raise ValueError('a fault')")
    assert done.returncode == 1 and done.stderr.startswith("Traceback")
    assert done.stderr.endswith("ValueError: a fault\n")


def test_a_module_is_that_of_the_folder_and_nothing_of_this_checkout_is_there(tmp_path):
    (tmp_path / "pipelines").mkdir()
    (tmp_path / "pipelines/__init__.py").touch()
    (tmp_path / "pipelines/tide.py").write_text("import sys; print(__name__, __file__, sys.argv)")
    code = "import sys; print([m for m in sys.modules if m.split('.')[0] in {names}])"
    names = ("pipelines", "repertoire", "serving", "tests")
    done = warmed.run(tmp_path, {}, "-m", "pipelines.tide", "high")
    file = tmp_path / "pipelines/tide.py"
    assert done.stdout == f"__main__ {file} {[str(file), 'high']}\n"
    assert warmed.run(tmp_path, {}, "-c", code.format(names=names)).stdout == "[]\n"


def test_commands_run_beside_each_other_and_are_waited_for(tmp_path):
    code = "import pathlib, time\nwhile not pathlib.Path('go').exists(): time.sleep(0.01)"
    first = warmed.Command(tmp_path, {}, ("-c", code))
    second = warmed.Command(tmp_path, {}, ("-c", "import pathlib; pathlib.Path('go').touch()"))
    assert second.communicate(timeout=60) == ("", "")
    assert first.communicate(timeout=60) == ("", "") and first.poll() == 0
    last = warmed.Command(tmp_path, {}, ("-c", "import time; time.sleep(60)"))
    with pytest.raises(TimeoutError, match="has not ended within"):
        last.communicate(timeout=0.1)
    last.kill()
    assert last.poll(60) == -9
