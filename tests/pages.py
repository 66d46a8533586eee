"""Pages of the documentation as programs: their examples are run in order, in one folder and one kernel a page.

What is run, by the word behind the opening fence:

- ``text`` that begins with ``In [1]:``: a session in IPython's notation, with what comes out;
- ``python``: cells that must not fail;
- ``console``: shell commands behind ``$``, with what comes out, errors too.

``python tests/pages.py PAGE...`` writes what comes out now into the pages.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.append(str(Path(__file__).parent / "kernel"))

from tracked import Kernel, Reply, open_kernel  # noqa: E402

FENCED = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
WIDTH = "100"
_PROMPT = re.compile(r"In \[\d+\]: ")


def blocks(page: Path) -> list[tuple[str, str]]:
    """Return the fenced blocks of a page: the word behind the fence, and the text."""
    return FENCED.findall(page.read_text(encoding="utf-8"))


def is_run(language: str, text: str) -> bool:
    """Return whether a block is an example that is run."""
    return language in ("python", "console") or (language == "text" and _PROMPT.match(text) is not None)


def replay(page: Path, folder: Path) -> str:
    """Run the examples of a page and return the page with what came out."""
    shutil.copy(ROOT / "examples" / "tour.ipynb", folder)
    with open_kernel(folder, MPLBACKEND="agg", COLUMNS=WIDTH, JUPYTERHUB_USER="ada") as kernel:

        def run(found: re.Match[str]) -> str:
            language, text = found.groups()
            if not is_run(language, text):
                return found[0]
            made = {"text": _session, "python": _cells, "console": _commands}[language](text, kernel)
            return f"```{language}\n{made}```"

        made = FENCED.sub(run, page.read_text(encoding="utf-8"))
    return made.replace(str(folder), "/home/ada/work").replace(f"made by ada on {platform.node()},", "made by ada on laptop,")


def _session(text: str, kernel: Kernel) -> str:
    shown = []
    for number, source in enumerate(_inputs(text), 1):
        prompt = f"In [{number}]: "
        reply = kernel.run(source)
        kernel.flush()
        typed = source.replace("\n", "\n" + " " * len(prompt))
        shown.append(_trimmed([f"{prompt}{typed}", *_outputs(reply, number)]))
    return "\n".join(shown)


def _inputs(text: str) -> Iterator[str]:
    for part in re.split(rf"^(?={_PROMPT.pattern})", text, flags=re.MULTILINE)[1:]:
        first, *rest = part.splitlines()
        prompt = _PROMPT.match(first)
        assert prompt is not None
        lines = [first[prompt.end() :]]
        for line in rest:
            if not line.startswith(" " * prompt.end()):
                break
            lines.append(line[prompt.end() :])
        yield "\n".join(lines)


def _outputs(reply: Reply, number: int) -> Iterator[str]:
    """Return what a cell shows as IPython writes it on a terminal."""
    for output in reply.outputs:
        if output["output_type"] == "stream":
            yield from output["text"].splitlines()
        elif output["output_type"] == "error":
            yield from (_without_colour(line) for line in output["traceback"])
        elif output["output_type"] == "execute_result":
            text = output["data"]["text/plain"]
            yield from (f"Out[{number}]:", *text.splitlines()) if "\n" in text else (f"Out[{number}]: {text}",)


def _cells(text: str, kernel: Kernel) -> str:
    reply = kernel.run(text)
    assert reply.status == "ok", f"{text}\n{reply.content}"
    kernel.flush()
    return text


def _commands(text: str, kernel: Kernel) -> str:
    shown = []
    for line in text.splitlines():
        if line.startswith("$ "):
            environ = {**kernel.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
            made = subprocess.run(
                line[2:],
                shell=True,
                cwd=kernel.folder,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
            )
            shown.append(_trimmed([line, *made.stdout.splitlines()]))
    return "\n".join(shown)


def _trimmed(lines: Iterable[str]) -> str:
    return "\n".join(line.rstrip() for line in lines).strip("\n") + "\n"


def _without_colour(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


# What is another every time ------------------------------------------------------------------------------------------

_ALWAYS_NEW = (
    (re.compile(r"\b[a-z]+-[a-z]+-\d{1,3}\b"), "NAME"),
    (re.compile(r"\bmade by \S+ on \S+,"), "made by SOMEBODY,"),
    (re.compile(r"\b[0-9a-f]{16}\b"), "KEY"),
    (re.compile(r"\b0[0-9a-hjkmnp-tv-z]{7,13}\b"), "ID"),
    (re.compile(r"\b\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\b"), "MOMENT"),
    (re.compile(r"\b\d+(\.\d+)? (ms|s|min|h|d|B|kB|MB|GB)\b|\bnow\b"), "AMOUNT"),
    (re.compile(r"\b\d+ objects\b"), "OBJECTS"),
    (re.compile(r"[ ─]+"), " "),
)


def masked(text: str) -> list[str]:
    """Return lines without what is another every time: ids, times, sizes, and the widths of columns that follow from them."""
    for pattern, word in _ALWAYS_NEW:
        text = pattern.sub(word, text)
    return [line.rstrip() for line in text.splitlines()]


def differences(page: str, replayed: str) -> list[str]:
    """Return what a page says and its examples do not, and the other way round; text that was cut may be cut elsewhere."""
    before, after = masked(page), masked(replayed)
    if len(before) == len(after):
        pairs = zip(before, after, strict=True)
        return [line for one, other in pairs if not _is_same(one, other) for line in (f"- {one}", f"+ {other}")]
    from difflib import ndiff

    return [line for line in ndiff(before, after) if line[0] in "+-"]


def _is_same(one: str, other: str) -> bool:
    if one == other:
        return True
    (start, dots, end), (start_, dots_, end_) = one.partition("…"), other.partition("…")
    is_cut_elsewhere = start.startswith(start_.rstrip()) or start_.startswith(start.rstrip())
    return bool(dots and dots_) and end == end_ and is_cut_elsewhere


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "work"
        folder.mkdir()
        yield folder


def main(paths: Iterable[str]) -> None:
    """Write what comes out now into pages."""
    for path in map(Path, paths):
        with _folder() as folder:
            path.write_text(replay(path, folder), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
