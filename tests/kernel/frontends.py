"""A frontend as JupyterLab is one: asks through ``user_expressions``, tells of its cells through a comm, hears broadcasts."""

from __future__ import annotations

import json
import time
from typing import Any

from tracked import PATIENCE_S, Kernel

from mlm_jupyter.kernel.frontend import MIME_TYPE
from mlm_jupyter.kernel.link import TARGET

Message = dict[str, Any]


class Frontend:
    """One page that shows a kernel, with channels of its own; it speaks as soon as it knows of the comm.

    Attributes
    ----------
    heard : what the kernel said through the comm, in order.
    comm_id : of the comm, once it was opened or found.
    """

    def __init__(self, kernel: Kernel) -> None:
        self._client = kernel.connect()
        self.heard: list[Message] = []
        self.printed = ""
        self.comm_id: str | None = None

    def close(self) -> None:
        self._client.stop_channels()

    def request(self, kind: str, content: Message, metadata: Message | None = None) -> Message:
        """Send a request on the shell channel, wait until the kernel is idle again and return what it replied."""
        sent = self._client.session.msg(kind, content, metadata=metadata)
        self._client.shell_channel.send(sent)
        reply = self._reply(sent["header"]["msg_id"])
        self._hear_until_idle(sent["header"]["msg_id"])
        return reply

    def ask(self, verb: str, **args: Any) -> Message:
        """Ask for a verb and return the answer."""
        question = json.dumps(json.dumps({"verb": verb, "args": args}))
        call = f"__import__('mlm_jupyter.kernel.frontend', fromlist=['ask']).ask({question})"
        answer = self.evaluate(call)
        assert answer["status"] == "ok", answer
        content: Message = answer["data"][MIME_TYPE]
        assert json.loads(json.dumps(content, allow_nan=False)) == content
        return content

    def done(self, verb: str, **args: Any) -> Any:
        """Ask for a verb and return its value."""
        answer = self.ask(verb, **args)
        assert answer["ok"], answer
        return answer["value"]

    def evaluate(self, expression: str) -> Message:
        content = {
            "code": "",
            "silent": True,
            "store_history": False,
            "user_expressions": {"answer": expression},
            "allow_stdin": False,
            "stop_on_error": False,
        }
        answer: Message = self.request("execute_request", content)["user_expressions"]["answer"]
        return answer

    def send(self, code: str, *, cell_id: str) -> None:
        """Ask for the execution of a cell, and do not wait."""
        content = {"code": code, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": True}
        self._client.shell_channel.send(self._client.session.msg("execute_request", content, metadata={"cellId": cell_id}))

    def request_close(self) -> None:
        """Close the comm, as JupyterLab does where nobody knows its target."""
        self._client.shell_channel.send(self._client.session.msg("comm_close", {"comm_id": self.comm_id, "data": {}}))

    def run(self, code: str, *, cell_id: str | None = None, **told: Any) -> Message:
        """Execute a cell, just after telling what is to be told of the document."""
        if told:
            self.tell({"document": told})
        content = {"code": code, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": True}
        return self.request("execute_request", content, {"cellId": cell_id} if cell_id else None)

    def tell(self, data: Any) -> None:
        """Send a message through the comm, and do not wait."""
        assert self.comm_id is not None
        self._client.shell_channel.send(self._client.session.msg("comm_msg", {"comm_id": self.comm_id, "data": data}))

    def find_comm(self) -> str | None:
        """Look for the comm, as a page does that was loaded later."""
        comms = self.request("comm_info_request", {"target_name": TARGET})["comms"]
        self.comm_id = next(iter(comms), None)
        if self.comm_id is not None:
            self.tell({})
        return self.comm_id

    def last(self, key: str) -> Any:
        """Return what was said last under ``key``."""
        return next(message[key] for message in reversed(self.heard) if key in message)

    def _reply(self, id: str) -> Message:
        while True:
            message = self._client.get_shell_msg(timeout=PATIENCE_S)
            if message["parent_header"].get("msg_id") == id:
                content: Message = message["content"]
                return content

    def _hear_until_idle(self, id: str) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            message = self._client.get_iopub_msg(timeout=PATIENCE_S)
            kind, content = message["msg_type"], message["content"]
            if kind == "comm_open" and content["target_name"] == TARGET:
                self.comm_id = content["comm_id"]
                self.heard.append(content["data"])
                self.tell({})
            elif kind == "comm_msg" and content["comm_id"] == self.comm_id:
                self.heard.append(content["data"])
            elif kind == "comm_close" and content["comm_id"] == self.comm_id:
                self.comm_id = None
            elif kind == "stream":
                self.printed += content["text"]
            elif kind == "status" and (content["execution_state"], message["parent_header"].get("msg_id")) == ("idle", id):
                return
        raise AssertionError("the kernel did not come to rest")


def cell(id: str, source: str, kind: str = "code") -> Message:
    """A cell as a frontend tells of it."""
    return {"id": id, "cell_type": kind, "source": source, "metadata": {}}
