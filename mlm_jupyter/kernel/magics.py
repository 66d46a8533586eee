"""The magics: each reads its line, calls one verb and shows what came of it; an error is one red line that fails the cell."""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, ParamSpec, TypeVar

from IPython import get_ipython
from IPython.core.magic import Magics, line_cell_magic, line_magic, magics_class, needs_local_scope, no_var_expand

from mlm_jupyter.clock import now_ms
from mlm_jupyter.core.parts import PARTS
from mlm_jupyter.errors import InvalidInputError, MlmError, NotFoundError, line_of
from mlm_jupyter.kernel.arguments import Argument, Given, Kind, Signature, unquoted, without_comment
from mlm_jupyter.kernel.body import ADOPTED, BodyRun, adopt_bodies
from mlm_jupyter.kernel.expressions import read_metrics

if TYPE_CHECKING:
    import pandas as pd
    from IPython.core.interactiveshell import InteractiveShell

    from mlm_jupyter.kernel.results import History
    from mlm_jupyter.kernel.tracker import Tracker
    from mlm_jupyter.project import Project
    from mlm_jupyter.recorder import Recorder
    from mlm_jupyter.restoration import RestoreReport

P = ParamSpec("P")
R = TypeVar("R")

VERBS: Final = ("start", "stop", "pause", "resume", "status")
SIGNATURES: Final = {
    signature.magic.lstrip("%"): signature
    for signature in (
        Signature(
            "%mlm_track",
            Argument("VERB", Kind.CHOICE, VERBS),
            Argument("--name", Kind.RUN),
            Argument("--experiment", Kind.TEXT),
            Argument("--tag", Kind.PAIR, repeats=True),
            Argument("--params", Kind.NAMES, repeats=True),
            Argument("--metrics", Kind.NAMES, repeats=True),
            Argument("--exclude", Kind.TEXT, repeats=True),
            Argument("--manual", Kind.FLAG),
        ),
        Signature("%mlm_checkpoint", Argument("NAME", Kind.TEXT), Argument("--note", Kind.TEXT)),
        Signature("%mlm_history", Argument("-n", Kind.NUMBER), Argument("--run", Kind.RUN), Argument("--all", Kind.FLAG)),
        Signature(
            "%mlm_diff",
            Argument("BASE", Kind.REFERENCE),
            Argument("OTHER", Kind.REFERENCE),
            Argument("--only", Kind.CHOICES, PARTS, repeats=True),
        ),
        Signature(
            "%mlm_restore",
            Argument("REF", Kind.REFERENCE, is_required=True),
            Argument("--only", Kind.NAMES, repeats=True),
            Argument("--dry-run", Kind.FLAG),
            Argument("--strict", Kind.FLAG),
            Argument("--no-save", Kind.FLAG),
        ),
        Signature("%mlm_undo", Argument("N", Kind.NUMBER)),
        Signature("%mlm_log", Argument("--step", Kind.NUMBER)),
        Signature(
            "%mlm_run",
            Argument("NAME", Kind.RUN),
            Argument("--param", Kind.PAIR, repeats=True),
            Argument("--end", Kind.FLAG),
            Argument(ADOPTED, Kind.FLAG, is_hidden=True),
        ),
        Signature("%mlm_runs", Argument("QUERY", Kind.QUERY)),
    )
}


def _in_one_line(method: Callable[P, R]) -> Callable[P, R]:
    """Let an error that a user can meet fail the cell as usual, but show as one red line and no traceback."""

    @functools.wraps(method)
    def magic(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return method(*args, **kwargs)
        except (MlmError, OSError) as error:
            line = f"mlm: {line_of(error, in_notebook=True)}"
            vars(error)["_render_traceback_"] = lambda: [_red(line)]  # IPython asks an exception for it
            raise

    return magic


def _red(line: str) -> str:
    has_colours = str(getattr(get_ipython(), "colors", "")).lower() != "nocolor"
    return f"\x1b[31m{line}\x1b[0m" if has_colours else line


@magics_class
class MlmMagics(Magics):
    """The magics of one shell and its tracker."""

    def __init__(self, shell: InteractiveShell, tracker: Tracker) -> None:
        from mlm_jupyter.kernel.completion import complete_magics

        super().__init__(shell)
        self._shell = shell
        self._tracker = tracker
        adopt_bodies(shell)
        complete_magics(shell, tracker, SIGNATURES)

    @line_magic
    @_in_one_line
    def mlm_track(self, line: str) -> None:
        """Track this notebook: from now on every cell leaves a checkpoint that can be listed, compared and restored.

        %mlm_track [start|stop|pause|resume|status] [--name RUN] [--experiment E] [--tag K=V]... [--params NAMES]
                   [--metrics NAMES] [--exclude PATTERN]... [--manual]

        Without a verb it starts, or goes on with what runs. NAMES are variables, separated by commas, whose values become
        the run's params and metrics. --exclude names variables whose values are not stored, --manual makes checkpoints
        only when asked for.

        Examples
        --------
        %mlm_track --name baseline --tag data=v2 --params lr,depth --metrics acc
        %mlm_track stop
        """
        given = SIGNATURES["mlm_track"].read(line)
        verb = given.text("VERB") or "start"
        was_tracking = self._tracker.is_tracking
        if verb == "start":
            self._start(given)
        else:
            self._tag(given, verb)
        if verb in ("stop", "pause", "resume"):
            {"stop": self._tracker.stop, "pause": self._tracker.pause, "resume": self._tracker.resume}[verb]()
        print(self._tracker.status())
        if verb == "start" and not was_tracking:
            self._tell_last_state()

    def _tell_last_state(self) -> None:
        """Offer an empty kernel what the notebook's last one had."""
        from mlm_jupyter.commands.text import age

        live = self._tracker.live
        if live is None or live.notebook is None or live.namespace.names():
            return
        with suppress(NotFoundError), self._project() as project:
            last = project.get_checkpoint("latest", notebook=live.notebook)
            if project.variables(last):
                print(f"Its last state, of {age(last.created_at, now_ms())} ago, can be had back: %mlm_restore {last.id}")

    def _start(self, given: Given) -> None:
        tags = given.pairs("--tag")
        was_tracking = self._tracker.is_tracking
        self._tracker.start(
            given.text("--name"),
            experiment=given.text("--experiment"),
            tags=tags,
            params=given.names("--params"),
            metrics=given.names("--metrics"),
            exclude=given.names("--exclude"),
            manual=given.has("--manual"),
        )
        if was_tracking:
            self._set_tags(tags)

    def _tag(self, given: Given, verb: str) -> None:
        """Tag the run that is open; the other options are of starting."""
        others = [name for name in given.options() if name != "--tag"]
        if others:
            raise InvalidInputError(f"{others[0]} is for starting to track, not with {verb}. Use: %mlm_track {verb}")
        self._set_tags(given.pairs("--tag"))

    def _set_tags(self, tags: dict[str, str]) -> None:
        for key, value in tags.items():
            self._recorder().set_tag(key, value)

    @line_magic
    @_in_one_line
    def mlm_checkpoint(self, line: str) -> None:
        """Make a checkpoint now, with a name to come back to.

        %mlm_checkpoint [NAME] [--note TEXT]

        Examples
        --------
        %mlm_checkpoint before-tuning --note "the features are final"
        """
        given = SIGNATURES["mlm_checkpoint"].read(line)
        made = self._tracker.checkpoint(given.text("NAME"), note=given.text("--note"))
        print(f"Checkpoint {made.ordinal}{f' [{made.name}]' if made.name else ''}, {made.id}")

    @line_magic
    @_in_one_line
    def mlm_history(self, line: str) -> History:
        """List this notebook's checkpoints, the newest first.

        %mlm_history [-n N] [--run REF] [--all]

        The last 20, or N of them (0: all); those of one run; with --all, of all notebooks of the project.

        Examples
        --------
        %mlm_history -n 5
        %mlm_history --run baseline
        """
        from mlm_jupyter.kernel.results import read_history

        given = SIGNATURES["mlm_history"].read(line)
        count = given.number("-n")
        if count is not None and count < 0:
            raise InvalidInputError(f"Cannot list {count} checkpoints; -n takes how many, 0 for all.")
        most = 20 if count is None else count or None
        with self._project() as project:
            return read_history(project, self._tracker.live, most, run=given.text("--run"), is_of_all=given.has("--all"))

    @line_magic
    @_in_one_line
    def mlm_diff(self, line: str) -> None:
        """Compare two checkpoints, or one with now; without any, show what the last cell did.

        %mlm_diff [BASE [OTHER]] [--only code,outputs,variables,metrics,params,environment]

        A reference is the name or id of a checkpoint or run, the start of an id, latest or current, and ~N behind it for N
        parents back.

        Examples
        --------
        %mlm_diff before-tuning
        %mlm_diff latest~3 latest --only variables,metrics
        """
        from mlm_jupyter.commands.compare import coloured
        from mlm_jupyter.commands.text import Ink

        given = SIGNATURES["mlm_diff"].read(line)
        found = self._tracker.diff(given.text("BASE"), given.text("OTHER"), only=given.names("--only"))
        print(*coloured(found.lines(), Ink()), sep="\n")

    @line_magic
    @_in_one_line
    def mlm_restore(self, line: str) -> RestoreReport:
        """Put the kernel back to a checkpoint: its variables, random state and working directory. No file is touched.

        %mlm_restore REF [--only NAMES] [--dry-run] [--strict] [--no-save]

        What is there now is saved as a checkpoint first, unless --no-save. --only brings back some variables and leaves the
        rest alone, --dry-run only tells what would be done, --strict does nothing unless everything can be brought back.

        Examples
        --------
        %mlm_restore latest~1
        %mlm_restore before-tuning --only model,df
        """
        given = SIGNATURES["mlm_restore"].read(line)
        report = self._tracker.restore(
            given.text("REF") or "",
            only=given.names("--only") if given.has("--only") else None,
            dry_run=given.has("--dry-run"),
            strict=given.has("--strict"),
            save=not given.has("--no-save"),
        )
        return self._show(report)

    @line_magic
    @_in_one_line
    def mlm_undo(self, line: str) -> RestoreReport:
        """Go back to where the kernel was before the last cell, or N checkpoints before.

        %mlm_undo [N]

        Examples
        --------
        %mlm_undo
        %mlm_undo 3
        """
        steps = SIGNATURES["mlm_undo"].read(line).number("N")
        return self._show(self._tracker.undo(1 if steps is None else steps))

    def _show(self, report: RestoreReport) -> RestoreReport:
        from mlm_jupyter.kernel.results import print_report

        return print_report(report)

    @needs_local_scope
    @no_var_expand
    @line_magic
    @_in_one_line
    def mlm_log(self, line: str, local_ns: dict[str, Any] | None = None) -> None:
        """Log metrics to the run that is open, each given by an expression.

        %mlm_log KEY=EXPRESSION, ... [--step N]

        `%mlm_log acc` logs the variable acc. A dict becomes one metric for each of its entries.

        Examples
        --------
        %mlm_log acc=model.score(X, y), val/loss=losses[-1] --step epoch
        """
        recorder = self._recorder()
        metrics, step = read_metrics(line, {**self._shell.user_ns, **(local_ns or {})})
        recorder.log_metrics(metrics, step=step)

    @line_cell_magic
    @_in_one_line
    def mlm_run(self, line: str, cell: str | None = None) -> None:
        """Start a run for the following cells, which ends the last; on top of a cell: let this cell be a run of its own.

        %mlm_run NAME [--param K=V]...
        %mlm_run --end
        %%mlm_run NAME [--param K=V]...

        Examples
        --------
        %mlm_run wide-net --param width=512 --param lr={lr}
        """
        given = SIGNATURES["mlm_run"].read(line)
        if given.has("--end"):
            if len(given.options()) > 1 or given.has("NAME"):
                raise InvalidInputError("--end stands alone: %mlm_run --end")
            self._tracker.end_run()
            return
        params, recorder = given.pairs("--param"), self._recorder()
        if given.has(ADOPTED):
            BodyRun(self._shell, recorder.start_run(given.text("NAME"), params=params))
        elif cell is not None:
            self._run_body(line, cell)
        else:
            run = self._tracker.start_run(given.text("NAME"))
            if params:
                recorder.log_params(params)
            print(f"Run {run.name} ({run.id}).")

    def _run_body(self, line: str, cell: str) -> None:
        """Run a body that came as a call to ``run_cell_magic``, as a notebook converted to a script has it."""
        if not self._shell.run_cell(f"%%mlm_run {line}\n{cell}").success:  # type: ignore[no-untyped-call]  # IPython's
            raise InvalidInputError("The body of %%mlm_run failed; its error is above.")

    @line_magic
    @_in_one_line
    def mlm_runs(self, line: str) -> pd.DataFrame:
        """List the runs, the newest first, or those that a query asks for; the value is a DataFrame with all of them.

        %mlm_runs [QUERY]

        Examples
        --------
        %mlm_runs metrics.acc > 0.9 and params.lr = '0.1' order by metrics.acc desc
        df = %mlm_runs
        """
        from mlm_jupyter.kernel.results import runs_frame

        query = unquoted(without_comment(line.strip()))
        with self._project() as project:
            return runs_frame(list(project.runs(query or None)))

    def _recorder(self) -> Recorder:
        return self._tracker.require().recorder

    def _project(self) -> Project:
        """Open the project of this kernel to read it, with all that was captured so far."""
        from mlm_jupyter.project import open_project

        self._tracker.flush()
        return open_project(self._tracker.project)
