"""A live notebook whose cells a real IPython executes, displays and keeps."""

from __future__ import annotations

import re
from pathlib import Path

from livenotebook import LiveNotebook
from traitlets.config import Config

from mlm_jupyter.head import CheckpointDraft
from mlm_jupyter.session.cell import CellResult

SHELL_NAMES = re.compile(r"_(?:i{0,3}|_{1,2}|i?\d+|[io]h|dh)?|In|Out|get_ipython|exit|quit|__.*__")


class ShellNotebook(LiveNotebook):
    """A notebook whose cells a real IPython executes, which displays and keeps their last expressions."""

    def __init__(self, folder: Path) -> None:
        from IPython.core.interactiveshell import InteractiveShell

        super().__init__(folder)
        config = Config()
        config.HistoryManager.enabled = False
        with self.as_main():
            self.shell = InteractiveShell(user_module=self.main, user_ns=self.namespace, config=config)
        space = self.session.namespace
        space._is_hidden = lambda name: bool(SHELL_NAMES.fullmatch(name)) or name in self.shell.user_ns_hidden
        self.looks = self.watch_looks()

    def submit(self, source: str) -> CheckpointDraft:
        """Execute a cell as IPython does and return its checkpoint on its way to the store."""
        with self.as_main():
            self.session.begin_cell(source, python=self.shell.transform_cell(source), cell_id=None)
            self.shell.run_cell(source, store_history=True)
            draft = self.session.end_cell(CellResult("ok"))
            assert draft is not None
            self.session.outputs_are_final()
        return draft

    def settle(self) -> None:
        """Execute cells that touch nothing, after which all is skipped that may be."""
        for quiet in ("one = 1", "two = 2", "three = 3"):
            self.cell(quiet)
