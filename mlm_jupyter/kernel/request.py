"""The request that the kernel is answering, as far as its sender told what it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

_OUR_DOOR: Final = "mlm_jupyter.kernel.frontend"


class Request:
    """What ipykernel was sent; empty in a terminal, where a person types."""

    def __init__(self, message: dict[str, Any]) -> None:
        self.message = message
        self._header: dict[str, Any] = message.get("header") or {}
        self._content: dict[str, Any] = message.get("content") or {}

    @classmethod
    def of(cls, shell: InteractiveShell) -> Request:
        """Return the request that ``shell`` works for now."""
        get_parent = getattr(shell, "get_parent", None)
        message = get_parent() if get_parent else {}
        return cls(message if isinstance(message, dict) else {})

    @property
    def id(self) -> str | None:
        """What its outputs name it by."""
        identity = self._header.get("msg_id")
        return identity if isinstance(identity, str) else None

    @property
    def sender(self) -> str:
        """Which page sent it."""
        return str(self._header.get("session"))

    @property
    def cell_id(self) -> str | None:
        """The cell that is executed, where the frontend says."""
        identity = (self.message.get("metadata") or {}).get("cellId")
        return identity if isinstance(identity, str) else None

    @property
    def is_cell(self) -> bool:
        """Whether it executes a cell that the history keeps, and whose outputs the user sees."""
        if self._header.get("msg_type", "execute_request") != "execute_request":
            return False
        content = self._content
        return not content.get("silent") and content.get("store_history", True) and not content.get("user_expressions")

    @property
    def is_attended(self) -> bool:
        """Whether a page may have sent it: a program that executes a notebook answers no questions."""
        return self.is_ours or bool(self._content.get("allow_stdin", True))

    @property
    def is_in_subshell(self) -> bool:
        """Whether cells may be running beside it."""
        return bool(self._header.get("subshell_id"))

    @property
    def is_ours(self) -> bool:
        """Whether it executes nothing but a question to ``frontend.ask``: no code of the user's runs."""
        code, expressions = self._content.get("code"), self._content.get("user_expressions")
        if not isinstance(code, str) or code.strip() or not isinstance(expressions, dict):
            return False
        return all(_OUR_DOOR in str(expression) for expression in expressions.values())
