"""A run or a comparison as one HTML file that needs nothing else: no request, no script, pictures inside."""

from __future__ import annotations

import base64
import html
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from clipforget.benchmark import formats
from clipforget.benchmark.documents import ComparisonSummary
from clipforget.evaluation.documents import found_sentence
from clipforget.evaluation.refusal import refusal_message
from clipforget.methods import METHODS
from clipforget.runs.audited import HEADER, AuditsView, audit_rows, audit_sentences
from clipforget.runs.config import shown_command, without_folders
from clipforget.runs.selections import name_of
from clipforget.runs.soups import summary_of
from clipforget.workspace.documents import RunView
from clipforget.workspace.results import Hit, Results

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 640, 300, 46, 40, 14  # of a chart, and its margins, in pixels
ROLES = {"forget": "", "siblings": "7 4", "others": "2 3"}  # dashes, as on the page
DASHES = ("", "7 4", "2 3", "9 3 2 3")
COLOURS = ("#6a73e0", "#d9586a", "#2a9d6f", "#c07a1a", "#3f86cc", "#a06bd0", "#7d8a9a", "#c2517a")
STYLE = """
:root { color-scheme: light dark; --page: #f6f7f9; --surface: #fff; --line: #e1e5eb; --text: #1a2030; --soft: #566075;
  --forget: #b3324a; --siblings: #245f9f; --others: #187150; }
@media (prefers-color-scheme: dark) { :root { --page: #0e1116; --surface: #161b23; --line: #2a313d; --text: #e7eaf0;
  --soft: #a0abbd; --forget: #f395a2; --siblings: #8fbdf0; --others: #6ad3a7; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text); font: 15px/1.5 system-ui, -apple-system, "Segoe UI",
  Roboto, sans-serif; }
main { max-width: 1080px; margin: 0 auto; padding: 32px 20px 64px; }
h1 { font-size: 26px; line-height: 1.2; margin: 0 0 4px; }
h2 { font-size: 17px; margin: 32px 0 10px; }
h3 { font-size: 14px; margin: 0 0 8px; }
p { margin: 0 0 10px; } .soft { color: var(--soft); }
section.card, figure { background: var(--surface); border: 1px solid var(--line); border-radius: 12px; padding: 16px;
  margin: 0; overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: 6px 12px 6px 0; border-bottom: 1px solid var(--line); vertical-align: top; }
tr:last-child td { border-bottom: 0; } th { color: var(--soft); font-weight: 600; }
th { vertical-align: bottom; } th.n, td.n { text-align: right; } td.n { white-space: nowrap; }
section.card + p, figure + p { margin-top: 10px; } td small { color: var(--soft); }
code, pre { font: 13px/1.5 ui-monospace, SFMono-Regular, Menlo, monospace; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; margin: 0; }
svg { display: block; width: 100%; max-width: 680px; height: auto; font: 12px system-ui, sans-serif; }
svg text { fill: var(--soft); } svg .grid { stroke: var(--line); }
ul.key { list-style: none; display: flex; flex-wrap: wrap; gap: 4px 18px; margin: 8px 0 0; padding: 0; }
figure > svg { min-width: 460px; }
ul.key svg { display: inline-block; width: 30px; height: 10px; vertical-align: middle; margin-right: 6px; }
.sides { display: grid; grid-template-columns: repeat(auto-fit, minmax(300px, 1fr)); gap: 16px; }
.hits { display: grid; grid-template-columns: repeat(auto-fill, minmax(72px, 1fr)); gap: 8px; margin: 0; padding: 0;
  list-style: none; font-size: 12px; line-height: 1.3; }
.hits img { width: 100%; aspect-ratio: 1; object-fit: cover; border-radius: 6px; display: block;
  border: 3px solid transparent; }
.hits .forget img { border-color: var(--forget); } .forget { color: var(--forget); }
.siblings { color: var(--siblings); } .others { color: var(--others); } .hits small { color: var(--soft); }
dl { display: grid; grid-template-columns: minmax(120px, max-content) 1fr; gap: 2px 16px; margin: 0; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
"""


@dataclass(frozen=True)
class Line:
    """A line of a chart: its points, its look, and a place on it to mark. x and y are 0 to 1."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    colour: str
    dash: str = ""
    mark: int | None = None


def run_report(
    view: RunView, found: Results, index: int, picture: Callable[[int], tuple[bytes, str]], audits: AuditsView
) -> str:
    """Return the report of a run at the alpha of this index; `picture` gives a hit's image and media type."""
    config, alpha = view["config"], view["alphas"][index]
    method = METHODS.load()[config["method"]]
    suggested = " (suggested)" if alpha == view["best"] else f" (suggested: {view['best']:.2f})"
    rows = [
        [row["label"], f"{row['n']:,}",
         _interval(row["before"]["value"], row["before"]["low"], row["before"]["high"]),
         _interval(row["after"][index], row["low"][index], row["high"][index])]
        for row in view["rows"]
    ]  # fmt: skip
    lines = [
        Line(row["label"], view["alphas"], row["after"], f"var(--{row['key']})", ROLES[row["key"]], index)
        for row in view["rows"]
        if row["key"] in ROLES
    ]
    facts = {
        "Model": without_folders(config["model"]),
        "Images": " and ".join(map(without_folders, filter(None, (config["data"], config.get("others", ""))))),
        **({"Selected": ", ".join(map(name_of, chosen))} if (chosen := config.get("selections")) else {}),
        "Forget": ", ".join(config["forget"]),
        "Retain": ", ".join(config.get("retain") or []) or "the siblings",
        "Method": f"{method.title}: {summary_of(config)}",
        "Source": method.source,
        "Seed": str(config["seed"]),
        "Device": view["device"],
        "Took": "" if view["seconds"] is None else f"{view['seconds']:.1f} s",
        "Run": view["id"],
    }
    nothing = view["do_nothing"]
    body = [
        f"<h1>{_text(view['title'])}</h1>",
        f'<p class="soft">At alpha {alpha:.2f}{suggested}: {alpha:.0%} of the original, '
        f"{1 - alpha:.0%} of the unlearned weights.</p>",
        "<h2>Accuracy on test images</h2>",
        f'<section class="card">{_table(("set", "images", "original", "at this alpha"), rows)}</section>',
        f'<p class="soft">In brackets the 95 % interval; chance is {view["chance"]:.1%}. '
        f"H {view['h'][index]:.1f}, Score {view['score'][index]:.1f}; doing nothing: H {nothing['h']:.1f}, "
        f"Score {nothing['score']:.1f}.</p>",
        *(f"<p>{_text(note)}</p>" for note in (found_sentence(view["found"], view["target"], index), *view["notes"])),
        *_audits(audits),
        "<h2>Along alpha</h2>",
        f"<figure>{_chart(lines, 'alpha, the share of the original', 'accuracy')}</figure>",
        f"<h2>What “{_text(found['query'])}” finds</h2>",
        f'<div class="sides">{_side("Before: the original", found["before"], picture)}'
        f"{_side(f'After: alpha {alpha:.2f}', found['after'], picture, found['refused'])}</div>",
        "<h2>How it was made</h2>",
        f'<section class="card">{_facts(facts)}</section>',
        "<h2>Settings of the method</h2>",
        f'<section class="card">{_facts({name: str(value) for name, value in view["settings"].items()})}</section>',
        "<h2>To repeat it</h2>",
        f'<section class="card"><pre>{_text(shown_command(view["command"]))}</pre></section>',
    ]
    return _page(view["title"], body)


def _audits(audits: AuditsView) -> list[str]:
    """The section on the audits that have been run; nothing without any."""
    rows = [list(row) for row in audit_rows(audits)]
    if not rows:
        return [f"<p>{_text(sentence)}</p>" for sentence in audit_sentences(audits)]
    return [
        f"<h2>Gone, or only hidden? Audits at alpha {audits['alpha']:.2f}</h2>",
        *(f"<p>{_text(sentence)}</p>" for sentence in audit_sentences(audits)),
        f'<section class="card">{_table(HEADER, rows)}</section>',
    ]


def comparison_report(summary: ComparisonSummary) -> str:
    """Return the report of a comparison: its table over all targets and of each, and what is kept while forgetting."""
    tables = []
    several = len(summary["targets"]) > 1
    scopes = [("All targets, mean", None)] if several else []
    for label, key in [*scopes, *((target["label"], target["key"]) for target in summary["targets"])]:
        header, rows = formats.grid(summary, key)
        cells = [[_two(*pair) for pair in zip(*row, strict=True)] for row in rows]
        drawn = _chart(_curves(summary, key), "forgotten", "kept")
        tables += [
            f"<h2>{_text(label)}</h2>",
            f'<section class="card">{_table(header, cells, escaped=True)}</section>',
            f'<h3 style="margin-top:16px">What is kept while forgetting</h3><figure>{drawn}</figure>' if drawn else "",
        ]
    facts = {
        "Model": without_folders(summary["model"]),
        "Images": without_folders(summary["data"]),
        "Seeds": ", ".join(map(str, summary["seeds"])),
        "Runs": f"{summary['done']} of {summary['total']}",
        "Comparison": summary["id"],
    }
    notes = [f"{row['label']}: {note}" for row in summary["rows"] for note in row["notes"]]
    body = [
        f"<h1>{_text(summary['title'])}</h1>",
        f'<p class="soft">{_text(formats.legend(summary))}</p>',
        *tables,
        *(f"<p>{_text(note)}</p>" for note in notes),
        "<h2>How it was made</h2>",
        f'<section class="card">{_facts(facts)}</section>',
        "<h2>To repeat it</h2>",
        f'<section class="card"><pre>{_text(shown_command(summary["command"]))}</pre></section>',
    ]
    return _page(summary["title"], body)


def _curves(summary: ComparisonSummary, target: int | None) -> list[Line]:
    curves = [curve for curve in summary["curves"] if curve["target"] == target]
    return [
        Line(
            curve["label"], curve["forgotten"], curve["retained"],
            COLOURS[number % len(COLOURS)], DASHES[number // len(COLOURS) % len(DASHES)], curve["index"],
        )
        for number, curve in enumerate(curves)
    ]  # fmt: skip


def _page(title: str, body: Sequence[str]) -> str:
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{_text(title)}: ClipForget</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(part for part in body if part)
        + "\n</main>\n</body>\n</html>\n"
    )


def _table(header: Sequence[str], rows: Sequence[Sequence[str]], escaped: bool = False) -> str:
    """A table whose first column is text and whose others are numbers."""

    def line(tag: str, cells: Sequence[str], ready: bool) -> str:
        texts = [cell if ready else _text(cell) for cell in cells]
        return "".join(f"<{tag}{' class=n' if i else ''}>{text}</{tag}>" for i, text in enumerate(texts))

    body = "".join(f"<tr>{line('td', row, escaped)}</tr>" for row in rows)
    return f"<table><thead><tr>{line('th', header, False)}</tr></thead><tbody>{body}</tbody></table>"


def _two(top: str, below: str) -> str:
    return f"{_text(top)}<br><small>{_text(below)}</small>" if below else _text(top)


def _facts(facts: dict[str, str]) -> str:
    return f"<dl>{''.join(f'<dt>{_text(name)}</dt><dd>{_text(value)}</dd>' for name, value in facts.items())}</dl>"


def _side(
    title: str, hits: Sequence[Hit], picture: Callable[[int], tuple[bytes, str]], refused: str | None = None
) -> str:
    targets = sum(hit["role"] == "forget" for hit in hits)
    items = []
    for hit in hits:
        data, media = picture(hit["id"])
        name = _text(hit["label"].split("/")[1 if "/" in hit["label"] else 0])
        source = f"data:{media};base64,{base64.b64encode(data).decode()}"
        image = f'<img src="{source}" alt="{_text(hit["label"])}" title="{_text(hit["label"])}">'
        items.append(f'<li class="{_text(hit["role"])}">{image}{name}<br><small>{hit["cosine"]:.3f}</small></li>')
    about = f"<p>{_text(refusal_message(refused))}</p>" if refused else ""
    head = f"<h3>{_text(title)} · {targets} of {len(hits)} to be forgotten</h3>"
    return f'<section class="card">{head}{about}<ol class="hits">{"".join(items)}</ol></section>'


def _chart(lines: Sequence[Line], below: str, beside: str) -> str:
    """Lines over 0 to 1 as SVG, with a key; empty without lines."""
    if not lines:
        return ""

    def across(x: float) -> float:
        return round(LEFT + min(max(x, 0.0), 1.0) * (WIDTH - LEFT - TOP), 1)

    def down(y: float) -> float:
        return round(TOP + (1 - min(max(y, 0.0), 1.0)) * (HEIGHT - TOP - BOTTOM), 1)

    parts = []
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        parts.append(f'<line class="grid" x1="{across(0)}" x2="{across(1)}" y1="{down(tick)}" y2="{down(tick)}"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{down(tick) + 4}" text-anchor="end">{tick:.0%}</text>')
        parts.append(f'<text x="{across(tick)}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{tick:g}</text>')
    parts.append(f'<text x="{across(0.5)}" y="{HEIGHT - 4}" text-anchor="middle">{_text(below)}</text>')
    for line in lines:
        points = " ".join(f"{across(x)},{down(y)}" for x, y in zip(line.x, line.y, strict=True))
        look = f'style="stroke:{line.colour}" stroke-width="2.2" stroke-dasharray="{line.dash}"'
        parts.append(f'<polyline points="{points}" fill="none" {look}/>')
        if line.mark is not None:
            x, y = across(line.x[line.mark]), down(line.y[line.mark])
            parts.append(f'<circle cx="{x}" cy="{y}" r="4.5" style="fill:{line.colour}"/>')
    keys = "".join(
        f'<li><svg viewBox="0 0 30 10"><line x1="0" x2="30" y1="5" y2="5" style="stroke:{line.colour}" '
        f'stroke-width="3" stroke-dasharray="{line.dash}"/></svg>{_text(line.name)}</li>'
        for line in lines
    )
    label = _text(f"{beside} against {below}")
    drawing = f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">{"".join(parts)}</svg>'
    return f'<p class="soft">{_text(beside)}</p>{drawing}<ul class="key">{keys}</ul>'


def _interval(value: float, low: float, high: float) -> str:
    return f"{value:.1%} [{100 * low:.1f}, {100 * high:.1f}]"


def _text(text: str) -> str:
    return html.escape(str(text))
