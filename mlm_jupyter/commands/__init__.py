"""The command line: a table of verbs, and the one place where an error becomes a line and an exit status."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from contextlib import suppress

from mlm_jupyter.errors import InvalidInputError, MlmError, line_of

DONE, EXPECTED_ERROR, BAD_USE, INTERRUPTED = 0, 1, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what ``arguments`` (those of this process if None) say and return the exit status: 0, 1, 2 or 130."""
    sys.stdout, sys.stderr = sys.stdout or io.StringIO(), sys.stderr or io.StringIO()  # after `>&-` Python has none
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError):  # a stream of a test or an embedding program
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]  # a terminal that knows ASCII only
    try:
        from mlm_jupyter.commands.verbs import parse  # a Ctrl-C meanwhile is no traceback

        options = parse(sys.argv[1:] if arguments is None else arguments)
        status: int = options.action(options) or DONE
        sys.stdout.flush()
    except SystemExit as end:  # argparse: help, version, bad use
        return end.code if isinstance(end.code, int) else BAD_USE
    except InvalidInputError as error:
        return _fail(error, BAD_USE)
    except (MlmError, OSError) as error:
        if isinstance(error, BrokenPipeError):  # `mlm history | head`: who asked has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return DONE
        return _fail(error, EXPECTED_ERROR)
    except KeyboardInterrupt:
        print("mlm: interrupted", file=sys.stderr)
        return INTERRUPTED
    return status


def _fail(error: MlmError | OSError, status: int) -> int:
    from mlm_jupyter.commands.text import clean

    print(f"mlm: {clean(line_of(error))}", file=sys.stderr)
    return status
