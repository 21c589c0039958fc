"""`audit`: is the target of a run gone, or only hidden?"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from clipforget.audits import AUDITS
from clipforget.cli.commands import command
from clipforget.cli.options import STOPPED, Parser, add_json, add_runs, run_id, workspace_of
from clipforget.cli.terminal import Bar, emit
from clipforget.errors import ClipforgetError
from clipforget.generators import finish, relay
from clipforget.runs.audit_work import AuditWork, AuditWorks
from clipforget.runs.audited import HEADER, as_csv, audit_rows, audit_sentences, audits_view
from clipforget.runs.store import Run
from clipforget.tabular import table


def add_options(parser: Parser) -> None:
    """Add the run, the audits, the alpha and the form of the answer."""
    parser.add_argument("id", metavar="RUN", nargs="?", default="last", help="a run, as `runs` lists them, or `last`")
    parser.add_argument("names", nargs="*", metavar="NAME", help="audits (default: the cheap ones)")
    parser.add_argument("--all", action="store_true", help="every audit, the slow ones too")
    about = "share of the original (default: the suggested one, whose figures alone are kept with the run)"
    parser.add_argument("--alpha", type=float, metavar="A", help=about)
    about = "a model that never saw the target, a name or folder, as the yardstick (see `pretrain --without`)"
    parser.add_argument("--reference", metavar="MODEL", help=about)
    parser.add_argument("--again", action="store_true", help="measure again what the run has already")
    add_runs(parser)
    parser.add_argument("--worker", metavar="ID", help=argparse.SUPPRESS)
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--csv", action="store_true", help="print CSV instead of a table")
    add_json(how)


@command("audit", add_options, order=4.5)
def audit(args: argparse.Namespace) -> int:
    """Audit a run: is its target gone, or only hidden?

    With --worker it does the work that the page asks for instead, and prints nothing.
    """
    from clipforget.runs.audit import audit_run
    from clipforget.runs.execute import stoppable
    from clipforget.runs.resources import Resources

    if args.worker:
        with stoppable():
            return _work(AuditWorks(Path(args.runs), AuditWork).get(args.worker))
    workspace = workspace_of(args)
    run = workspace.run(run_id(workspace, args.id))
    names = args.names or [name for name, entry in AUDITS.load().items() if args.all or entry.cheap]
    sample, bar, resources = workspace.is_sample(run), Bar(), Resources(workspace.store.root)
    events = audit_run(
        run,
        names,
        resources,
        args.alpha,
        reference=args.reference,
        keep=not sample,
        again=args.again,
    )
    with stoppable():
        try:
            document = finish(relay(events, bar.show))
        except KeyboardInterrupt:
            return STOPPED
        finally:
            events.close()
            bar.close()
    view = audits_view(run, document)
    if args.csv:
        print(as_csv(view), end="")
        return 0
    sentences = "\n".join([*audit_sentences(view), *filter(None, [view["no_reference"]])])
    emit(args.json, view, f"{table(HEADER, audit_rows(view))}\n\n{sentences}")
    return 0


def _work(work: AuditWork) -> int:
    """Do the audits that lie ready in a run's folder; how they end is written there."""
    with work.worker_lock():
        work.update(pid=os.getpid())
        from clipforget.runs.audit import audit_run  # takes seconds
        from clipforget.runs.resources import Resources

        work.update(state="queued")  # and with it the time of its file, from which `audit_run` has a grace
    info = work.info()
    try:
        run = Run(work.folder)
        finish(audit_run(run, info["names"], Resources(run.runs), again=info["again"]))
    except (ClipforgetError, KeyboardInterrupt) as error:
        work.end(error)
    else:
        work.end()
    return 0
