"""Every verb of ``mlm``, in the order in which one meets them, and how a command line is read."""

from __future__ import annotations

import argparse
import difflib
import sys
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, NoReturn

from mlm_jupyter.commands import checkpoints, compare, execute, export, maintenance, projects, runs, trust

Arguments = Callable[[argparse.ArgumentParser], None]
Action = Callable[[argparse.Namespace], int | None]


class Verb(NamedTuple):
    """A word of the command line: what it does, what it takes and the function that does it."""

    name: str
    help: str
    arguments: Arguments
    action: Action


VERBS: Final = (
    Verb("init", "make a project here", projects.init_arguments, projects.init),
    Verb("status", "tell what the project holds and what runs", projects.status_arguments, projects.status),
    Verb("history", "list the checkpoints", checkpoints.history_arguments, checkpoints.history),
    Verb("show", "show a checkpoint in full", checkpoints.show_arguments, checkpoints.show),
    Verb("diff", "compare two checkpoints", compare.diff_arguments, compare.diff),
    Verb("name", "give a checkpoint a name", checkpoints.name_arguments, checkpoints.name),
    Verb("delete", "delete a checkpoint, or a run", checkpoints.delete_arguments, checkpoints.delete),
    Verb("runs", "list the runs that a query asks for", runs.runs_arguments, runs.runs),
    Verb("metrics", "show the metrics of a run", runs.metrics_arguments, runs.metrics),
    Verb("execute", "run a notebook headless, tracked", execute.execute_arguments, execute.execute),
    Verb("export", "write a notebook, or its code, as it was", export.export_arguments, export.export),
    Verb("verify", "compare everything with what was written", maintenance.verify_arguments, maintenance.verify),
    Verb("prune", "free the values of old checkpoints", maintenance.prune_arguments, maintenance.prune),
    Verb("stats", "tell what takes how much", maintenance.stats_arguments, maintenance.stats),
    Verb("trust", "vouch for a checkpoint that somebody else made", trust.trust_arguments, trust.trust),
)


_OF_KERNELS: Final = ("track", "checkpoint", "restore", "undo", "log", "run")


class _Parser(argparse.ArgumentParser):
    """Argparse's parser, saying what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        print(f"mlm: {message}. See: {self.prog} --help", file=sys.stderr)
        raise SystemExit(2)

    def refuse(self, word: str) -> NoReturn:
        """Say that this verb does not take ``word``, and what may have been meant."""
        verb = self.prog.removeprefix("mlm ")
        if not word.startswith("-"):
            self.error(f"{verb} does not take {word!r}; a text of several words needs quotes")
        near = difflib.get_close_matches(word.partition("=")[0], self._option_string_actions, 1, cutoff=0.5)
        self.error(f"{verb} has no option {word!r}{f' (did you mean {near[0]}?)' if near else ''}")


class _Version(argparse.Action):
    """Print the version; it is looked up only then, which takes longer than most verbs."""

    def __call__(self, *_: object) -> NoReturn:
        from importlib.metadata import version

        print(f"mlm {version('mlm_jupyter')}")
        raise SystemExit(0)


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the options of a command line; ``action`` among them is the function that does the verb."""
    _check_verb(arguments)
    parser = _Parser(prog="mlm", description="The memory of a notebook: what ran, what it made, and the way back.")
    parser.add_argument("--version", action=_Version, nargs=0, help="tell the version")
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    for verb in VERBS:
        subparser = verbs.add_parser(verb.name, help=verb.help, description=f"{verb.help[0].upper()}{verb.help[1:]}.")
        subparser.set_defaults(action=verb.action, parser=subparser)
        verb.arguments(subparser)
    if not arguments:
        parser.print_help()
        raise SystemExit(2)
    options, surplus = parser.parse_known_args(arguments)
    if surplus:
        options.parser.refuse(surplus[0])
    return options


def _check_verb(arguments: Sequence[str]) -> None:
    """Suggest the nearest verb for one that is not there, instead of argparse's list of all."""
    known = [*(verb.name for verb in VERBS), "--help", "--version"]
    word = arguments[0] if arguments else "-h"
    if word in (*known, "-h"):
        return
    if word in _OF_KERNELS:
        print(f"mlm: {word} is for the kernel of a notebook. Type there: %mlm_{word}", file=sys.stderr)
        raise SystemExit(2)
    spelled = {name.lstrip("-"): name for name in known}
    near = difflib.get_close_matches(word.lstrip("-"), spelled, 1)
    hint = f"Did you mean: mlm {spelled[near[0]]}?" if near else "List them with: mlm --help"
    print(f"mlm: no {'option' if word.startswith('-') else 'verb'} {word!r}. {hint}", file=sys.stderr)
    raise SystemExit(2)
