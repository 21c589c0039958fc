"""The audits of a run as the page asks for them: what is known, how the work stands, begin and stop. No torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from clipforget.audits import AUDITS
from clipforget.errors import ClipforgetError, QueueFull, RunProblem
from clipforget.evaluation.documents import Scores
from clipforget.runs.audit_work import AuditWork
from clipforget.runs.audited import AuditsView, audits_of
from clipforget.runs.store import Run
from clipforget.soup.path import index_of
from clipforget.unlearning.task import SUPPRESSED
from clipforget.workspace.documents import AuditsPage, AuditsSummary, AuditsWork
from clipforget.workspace.workers import Workers

AT_LEAST = 0.05  # forget accuracy that counts as forgotten in runs that do not say their own limit


def audits_summary(found: AuditsView, scores: Scores) -> AuditsSummary:
    """Say in one sentence what the audits of a run found, and which still show it. It follows the goal of the run."""
    judged = [entry for entry in found["audits"] if entry["verdict"]]
    failed = [entry["title"] for entry in judged if entry["passed"] is False]
    passed = [entry["title"] for entry in judged if entry["passed"]]
    hidden = bool(failed) and _forgotten(scores)
    count = len(failed) + len(passed)
    if failed:
        sentence = f"{len(failed)} of {count} audits can tell that it was there."
        if hidden:
            goal = scores["evaluated"].get("goal", SUPPRESSED)
            sentence = f"{'Suppressed as asked' if goal == SUPPRESSED else 'Hidden'}, not gone: {sentence}"
    elif passed:
        sentence = f"As far as {count} {'audit' if count == 1 else 'audits'} can tell, it is gone."
    elif judged:
        sentence = "No audit can judge this run; each says why."
    else:
        sentence = found["damaged"] or "Not audited: what no name finds may still be there."
    return {
        "alpha": found["alpha"], "audited": bool(judged), "failed": failed, "passed": passed, "hidden": hidden,
        "sentence": sentence,
    }  # fmt: skip


def _forgotten(scores: Scores) -> bool:
    """Whether a name finds no more of the target at the suggested alpha than the run aimed for."""
    limit = scores["choice"].get("limit", max(scores["chance"], AT_LEAST))
    forget = next((row for row in scores["rows"] if row["key"] == "forget"), None)
    return forget is not None and forget["after"][index_of(scores["best"])] <= limit


class AuditService:
    """The audits of finished runs. `problem_of` says why a run cannot be audited, "" where it can."""

    def __init__(self, scores_of: Callable[[Run], Scores], problem_of: Callable[[Run], str], workers: Workers) -> None:
        self._scores_of, self._problem_of, self._workers = scores_of, problem_of, workers

    def summary(self, run: Run) -> AuditsSummary:
        """Return what the audits of a finished run come to."""
        return audits_summary(audits_of(run), self._scores_of(run))

    def page(self, run: Run) -> AuditsPage:
        """Return all audits of a finished run and how their work stands."""
        found = audits_of(run)
        summary = audits_summary(found, self._scores_of(run))
        return {**found, "summary": summary, "work": self._work(run), "problem": self._problem_of(run)}

    def start(self, run: Run, names: Sequence[str], again: bool) -> None:
        """Audit a finished run in a worker of its own, or put that in line.

        Raises UnknownName for an unknown audit, RunProblem where the run cannot be audited or is being, and QueueFull.
        """
        names = [AUDITS.load()[name].name for name in dict.fromkeys(names)]
        if not names:
            raise RunProblem("Name at least one audit.")
        if problem := self._problem_of(run):
            raise RunProblem(problem)
        work = AuditWork(run.folder)
        if (known := work.known()) and known["state"] in ("queued", "running"):
            raise RunProblem(f"The run {run.id} is being audited already.")
        work.write("queued", names, again)
        try:
            self._workers.start(work)
        except QueueFull as full:
            work.end(full)
            raise

    def stop(self, run: Run) -> None:
        """Ask the worker to stop; the audits that are done are kept. Raises RunProblem where nothing is at work."""
        work = AuditWork(run.folder)
        if work.known() is None:
            raise RunProblem(f"The run {run.id} is not being audited.")
        self._workers.stop(work)

    def _work(self, run: Run) -> AuditsWork | None:
        """How the work stands; nothing is said of one that was never asked for, or whose file is damaged."""
        work = AuditWork(run.folder)
        try:
            info = work.known()
        except RunProblem:
            return None
        if info is None:
            return None
        starting = info["state"] == "lost" and self._workers.starting(work)
        return {
            "state": "queued" if starting else info["state"], "error": info["error"],
            "names": info["names"], "event": info["event"],
            "position": self._workers.queue.positions().get(run.id),
        }  # fmt: skip


def why_not(check: Callable[[], object]) -> str:
    """Return the sentence with which a check fails, "" where it does not."""
    try:
        check()
    except ClipforgetError as error:
        return str(error)
    return ""
