"""The README is true: its Python runs, its commands parse, its table is the parser's, its links lead somewhere."""

import re
import shlex
from pathlib import Path

import pytest

from clipforget.audits import AUDITS
from clipforget.cli import report
from clipforget.cli.commands import COMMANDS
from clipforget.cli.main import read
from clipforget.data.catalogue import DATASETS, load_dataset
from clipforget.data.target import Target
from clipforget.methods import METHODS
from clipforget.runs.loading import build_task
from clipforget.tabular import markdown
from clipforget.workspace.workspace import Workspace

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
PYTHON = re.findall(r"^```python\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)
SHELL = re.findall(r"^```sh\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)
CALLS = re.findall(r"^(?:python -m|.*&&) clipforget (.+?)(?: +#.*)?$", "".join(SHELL), re.MULTILINE)
MOST_WORDS = 40


def test_the_idea_runs(world, capsys):
    """As written, but on a tiny model."""
    target = re.search(r'RunConfig\(forget=\("(.+?)",\)\)', PYTHON[0])
    assert target and str(Target.parse(target[1], load_dataset("sketchbook"))) == target[1]
    idea = PYTHON[0].replace(target[0], "CONFIG")
    exec(compile(idea, "README.md", "exec"), {"CONFIG": world.config(settings={})})
    assert re.match(r"torch\.Size\(\[\d+, 16\]\)", capsys.readouterr().out)


def test_the_example_of_a_method_runs(world):
    example = next(code for code in PYTHON if "@loss_method" in code)
    before = set(METHODS.load())
    space: dict = {"__name__": "pull"}
    try:
        exec(compile(example, "README.md", "exec"), space)
        added = METHODS[(set(METHODS) - before).pop()]
        assert added.summary and added.source
        task, _ = build_task(world.config())
        steps = list(added.run(task, added.settings(steps=3)))
        assert [step.step for step in steps] == [1, 2, 3]
        assert set(steps[-1].losses) == {"forget", "retain"} and set(steps[-1].steer) >= {"forget"}
    finally:
        for name in set(METHODS) - before:
            del METHODS[name]


@pytest.mark.parametrize("call", CALLS)
def test_every_command_shown_can_be_read(call):
    assert read(shlex.split(call)).entry.name in COMMANDS


def test_the_table_of_commands_is_the_parsers():
    shown = dict(re.findall(r"^\| `(\w+)` \| (.+?) \|$", TEXT, re.MULTILINE))
    assert shown == {name: entry.help for name, entry in COMMANDS.load().items()}


def test_the_table_of_methods_is_the_registry():
    shown = re.findall(r"^\| (?:\[(.+?)\]\((.+?)\)|([^|]+)) \| `(\w+)` \| (\d) \| (.+?) \|$", TEXT, re.MULTILINE)
    table = {name: (linked or plain, url, int(tier), summary) for linked, url, plain, name, tier, summary in shown}
    assert table == {name: (m.title, m.reference_url, m.tier, m.summary) for name, m in METHODS.load().items()}


def test_the_table_of_audits_is_the_registry():
    shown = TEXT.split("<!-- list of audits -->\n")[1].split("\n<!-- /list of audits -->")[0]
    assert shown == audits_table()


def audits_table() -> str:
    """The table of audits as the README has it."""
    rows = [
        (
            f"[{entry.title}]({entry.reference_url})",
            f"`{name}`",
            "seconds" if entry.cheap else "minutes",
            entry.question,
        )
        for name, entry in sorted(AUDITS.load().items())
    ]
    return markdown(("audit", "name", "takes", "what it asks"), rows)


def test_the_results_are_as_show_prints_them(tmp_path):
    """Of the sample run, which is the first row; the others come from the same lines of code."""
    workspace = Workspace(tmp_path)
    (sample,) = workspace.samples.ids()
    results = TEXT.split("<!-- results -->\n")[1].split("<!-- /results -->")[0].splitlines()
    assert results[:4] == report.comparison([workspace.view(sample)]).splitlines()


def test_every_command_and_make_target_exists():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"`?make ([a-z]+)", TEXT)) - {"a"} <= targets


def sentences(text: str) -> list[str]:
    """The sentences of a Markdown text: without its head, code blocks, tables, comments, pictures and link targets."""
    for other in (r"\A---\n.*?^---$", r"^```.*?^```", r"<!--.*?-->", r"^(\||!\[)[^\n]*$"):
        text = re.sub(other, "\n", text, flags=re.DOTALL | re.MULTILINE)
    text = re.sub(r"\[([^\]]+)\]\([^)]+\)", r"\1", re.sub(r"`[^`]+`", "CODE", text))
    parts = (" ".join(part.split()) for part in re.split(r"\n\s*\n|^\s*- |^#+ ", text, flags=re.MULTILINE))
    return [one for part in parts for one in re.split(r"(?<=[.!?])\s+(?=[A-Z*\"(])", part) if one]


def test_no_sentence_is_too_long():
    assert len(sentences(TEXT)) > 50
    assert sentences("A `b c` d.\n\n| x |\n- E [f g](h.md), e.g. i.\n") == ["A CODE d.", "E f g, e.g. i."]
    assert [one for one in sentences(TEXT) if len(one.split()) > MOST_WORDS] == []


def test_local_links_lead_somewhere():
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", TEXT) if "://" not in link]
    missing = [link for link in links if not (ROOT / link).is_file() and not link.startswith("assets/screenshots/")]
    assert not missing


PLUGINS = (  # folders whose files are not named one by one; those named _* are
    "methods", "audits", "web/charts", "benchmark/paper", "benchmark/paper/prepare", "data/catalogue", "cli/commands",
    "data/sketchbook", "models/pretrain",
)  # fmt: skip


def tree() -> set[str]:
    """The paths that the tree of the README names, folders with a slash at their end."""
    block = re.search(r"## The house\n+```\n(.*?)```", TEXT, re.DOTALL)
    assert block
    paths, above = set(), [""]
    for line in block[1].splitlines():
        depth = (len(line) - len(line.lstrip())) // 2
        names = re.match(r"\s*((?:\w+(?:\.py|/) )*\w+(?:\.py|\.md|/))(?=\s|$)", line)
        assert names, f"no file in: {line}"
        above[depth + 1 :] = [above[depth] + names[1]]
        paths |= {above[depth] + name for name in names[1].split()}
    return paths


def test_the_tree_names_every_file():
    """Every folder with code in it, and every file of it but the one-file plugins."""
    files = {path.relative_to(ROOT) for path in (ROOT / "clipforget").rglob("*.py") if path.name != "__init__.py"}
    plugins = {Path("clipforget", folder) for folder in PLUGINS}
    inner = {path for path in files if any(folder in path.parents for folder in plugins)}
    plumbing = {path for path in inner if path.parent in plugins and path.name.startswith("_")}
    named = (files - inner) | plumbing
    folders = {path.parent for path in named} | plugins
    expected = {str(path) for path in named} | {f"{path}/" for path in folders}
    beside = {"app.py", "SECURITY.md", "assets/", "tests/", "clipforget/web/static/"}
    assert tree() == expected | beside
    assert all((ROOT / path).is_dir() == path.endswith("/") for path in beside)


def test_the_table_of_data_sets_is_the_catalogue():
    """Every registered name, and whether its images can be downloaded."""
    section = TEXT.split("### Data sets by name")[1].split("\n### ")[0]
    rows = [line.split(" | ") for line in section.splitlines() if line.startswith("| ")][1:]
    named = {name: row[3] for row in rows for name in re.findall(r"`(\w+)`", row[1])}
    assert {name: "download" in where for name, where in named.items()} == {
        name: bool(entry.download) for name, entry in DATASETS.load().items()
    }
