"""What set-up promises: requirements match the imports, one version everywhere, scripts that run."""

import ast
import importlib
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions, version
from pathlib import Path

import pytest

import clipforget
from clipforget.cli import main as cli

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def bounds(lines: list[str]) -> dict[str, str]:
    """Canonical name and version bound of every line that names a package."""
    matches = [re.match(r"([A-Za-z0-9_.-]+)\s*(.*)", line.split("#")[0].strip()) for line in lines]
    return {canonical(match[1]): match[2] for match in matches if match}


def required(file: str) -> dict[str, str]:
    return bounds((ROOT / file).read_text().splitlines())


def imported(*folders: str) -> set[str]:
    paths = [path for folder in folders for path in (ROOT / folder).rglob("*.py")] + [*ROOT.glob("*.py")]
    names = set()
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                names.add(node.module.split(".")[0])
    return names - set(sys.stdlib_module_names) - {"clipforget", "app", "tests"}


def test_requirements_are_what_the_package_imports():
    packages = packages_distributions()
    used = {canonical(packages[name][0]) for name in imported("clipforget")}
    extra = bounds(PROJECT["project"]["optional-dependencies"]["datasets"])
    assert used == set(required("requirements.txt")) | extra.keys()
    assert extra.items() <= required("requirements-test.txt").items()


def numbers(text: str) -> list[int]:
    """The first two numbers of a version or a bound."""
    return [int(part) for part in re.findall(r"\d+", text)[:2]]


@pytest.mark.parametrize("file", ["requirements.txt", "requirements-test.txt"])
def test_no_lower_bound_is_newer_than_what_the_tests_run_with(file):
    for name, bound in required(file).items():
        assert bound.startswith(">="), f"{name} has no lower bound"
        assert numbers(bound) <= numbers(version(name)), f"{name} {bound} is newer than the one the tests ran with"


def test_pyproject_and_the_requirements_agree():
    assert bounds(PROJECT["project"]["dependencies"]) == required("requirements.txt")
    assert bounds(PROJECT["project"]["optional-dependencies"]["test"]) == required("requirements-test.txt")


def test_one_version():
    assert "version" not in PROJECT["project"] and PROJECT["project"]["dynamic"] == ["version"]
    assert (ROOT / PROJECT["tool"]["hatch"]["version"]["path"]).samefile(clipforget.__file__)
    assert f"## [{clipforget.__version__}]" in (ROOT / "CHANGELOG.md").read_text()
    assert f"\nversion: {clipforget.__version__}\n" in (ROOT / "CITATION.cff").read_text()


def test_the_wheel_takes_the_package_and_its_assets():
    """The whole assets folder but the pictures of the README; files.ASSETS looks for it inside the package."""
    build = PROJECT["tool"]["hatch"]["build"]
    assert build["targets"]["wheel"]["only-include"] == ["clipforget", "assets"]
    assert build["targets"]["wheel"]["sources"] == {"assets": "clipforget/assets"}
    assert set(build["exclude"]) == {"*.pyi", "assets/screenshots"}
    assert (ROOT / "clipforget" / "py.typed").is_file() and not (ROOT / "clipforget" / "assets").exists()


def test_the_command_is_the_command_line():
    module, function = PROJECT["project"]["scripts"]["clipforget"].split(":")
    assert getattr(importlib.import_module(module), function) is cli.main


def test_spaces_metadata_names_the_tested_gradio():
    head = (ROOT / "README.md").read_text().split("---")[1]
    metadata = dict(line.split(": ", 1) for line in head.strip().splitlines())
    assert metadata["sdk"] == "gradio" and metadata["app_file"] == "app.py" and (ROOT / "app.py").is_file()
    tested, bound = metadata["sdk_version"], required("requirements.txt")["gradio"]
    lowest, below = bound.split(",")
    assert numbers(lowest) <= numbers(tested) < numbers(below)


def test_scripts_are_sound():
    for shell, script in (("sh", "setup.sh"), ("bash", ".ci/run"), ("bash", ".ci/audit")):
        subprocess.run([shell, "-n", ROOT / script], check=True)
    assert (ROOT / ".ci/run").stat().st_mode & 0o111


def test_lint_comes_first_and_says_the_same_everywhere():
    """CI checks style and types before the tests; a commit hook calls the very commands of `make lint`."""
    makefile, hooks = (ROOT / "Makefile").read_text(), (ROOT / ".pre-commit-config.yaml").read_text()
    lint = re.findall(r"-m (ruff|mypy)\b(.*)", makefile.split("\nlint:")[1].split("\n\n")[0])
    hooked = re.findall(r"-m (ruff|mypy)\b(.*)", hooks)
    assert [(tool, words.replace(" .", "")) for tool, words in lint] == [
        (tool, words.replace(" --force-exclude", "")) for tool, words in hooked
    ]
    assert (ROOT / ".ci/run").read_text().endswith("\nmake lint\nexec make test\n")


def test_setup_refuses_an_old_python_in_one_sentence(tmp_path):
    shutil.copy(ROOT / "setup.sh", tmp_path)
    (tmp_path / "bin").mkdir()
    for tool in ("dirname", "id"):
        (tmp_path / "bin" / tool).symlink_to(str(shutil.which(tool)))
    done = subprocess.run(
        ["/bin/sh", "setup.sh", "run"],
        cwd=tmp_path,
        env={"PATH": str(tmp_path / "bin")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2 and "Python 3.11 or newer is needed" in done.stderr


def test_a_second_setup_is_fast_and_installs_nothing(tmp_path):
    """With the stamps in place setup.sh only compares checksums."""
    for name in ("setup.sh", "requirements.txt", "requirements-test.txt"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / ".venv/bin").mkdir(parents=True)
    (tmp_path / ".venv/bin/python").symlink_to(sys.executable)
    quiet = {"cwd": tmp_path, "capture_output": True, "check": True, "timeout": 30}
    subprocess.run("cksum <requirements.txt >.venv/requirements.txt.stamp", shell=True, **quiet)
    done = subprocess.run(["sh", "setup.sh", "run"], text=True, **quiet)
    assert done.stdout == done.stderr == ""
