"""The extension of Jupyter's server: what is made when it starts, and ended when it stops."""

from __future__ import annotations

import os
import re
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import Final

from jupyter_server.extension.application import ExtensionApp
from jupyter_server.services.contents.fileio import FileManagerMixin
from jupyter_server.utils import url_path_join
from traitlets import Integer

from mlm_jupyter.server import openapi  # noqa: F401  (its route is one of ROUTES)
from mlm_jupyter.server.blobs import BlobHandler
from mlm_jupyter.server.endpoint import Endpoint, Services
from mlm_jupyter.server.projects import Projects
from mlm_jupyter.server.routes import ROUTES
from mlm_jupyter.server.watch import Watch

EVENT: Final = "https://events.jupyter.org/mlm_jupyter/project_changed/v1"


class MlmServer(ExtensionApp):
    """The history of notebooks over HTTP, under ``/mlm/``."""

    name = "mlm_jupyter"

    watch_ms = Integer(250, min=50, config=True, help="Look so often, in milliseconds, whether a project was written to.")

    def initialize_settings(self) -> None:
        """Make what the handlers share."""
        assert self.serverapp is not None and self.serverapp.event_logger is not None
        self.serverapp.event_logger.register_event_schema(Path(__file__).parent / "project_changed.yaml")
        projects = Projects(self._root(), environ=os.environ, version=version("mlm_jupyter"))
        self.services = Services(
            projects=projects,
            watch=Watch(projects, self._tell, every_ms=self.watch_ms),
            quick=ThreadPoolExecutor(4, "mlm"),
            slow=ThreadPoolExecutor(2, "mlm-slow"),
        )

    def initialize_handlers(self) -> None:
        """Answer to every path of the routes."""
        for path in dict.fromkeys(route.path for route in ROUTES):
            routes = {route.method: route for route in ROUTES if route.path == path}
            pattern = re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", path)
            self.handlers.append((url_path_join("/mlm", pattern), Endpoint, {"services": self.services, "routes": routes}))
        self.handlers.append(
            (r"/mlm/projects/(?P<project>[^/]+)/blobs/(?P<digest>[^/]+)", BlobHandler, {"services": self.services})
        )

    async def stop_extension(self) -> None:
        """Look no more, and close the projects."""
        services = self.services
        services.watch.stop()
        for executor in (services.quick, services.slow):
            executor.shutdown(wait=False, cancel_futures=True)  # a reader that is lent is closed when it is back
        services.projects.close()

    def _tell(self, project: str) -> None:
        assert self.serverapp is not None and self.serverapp.event_logger is not None
        self.serverapp.event_logger.emit(schema_id=EVENT, data={"project": project})

    def _root(self) -> Path | None:
        """Return the folder that notebooks' paths start from; None where they are not files of this machine."""
        assert self.serverapp is not None
        contents = self.serverapp.contents_manager
        if isinstance(contents, FileManagerMixin):
            return Path(contents.root_dir).expanduser().absolute()
        self.log.info("mlm_jupyter: notebooks of %s lie in no folder; their history is not shown", type(contents).__name__)
        return None
