"""The server that the browser tests talk to: a root folder of its own, no token, reachable from this machine only."""

import os

from jupyterlab.galata import configure_jupyter_server

configure_jupyter_server(c)  # noqa: F821
c.ServerApp.port = int(os.environ.get("MLM_UI_PORT", "8899"))  # noqa: F821
c.ServerApp.allow_root = True  # noqa: F821
c.ServerApp.jpserver_extensions = {"mlm_jupyter": True}  # noqa: F821
c.LabApp.extension_manager = "readonly"  # noqa: F821
c.LabApp.news_url = None  # noqa: F821
c.LabApp.check_for_updates_class = "jupyterlab.NeverCheckForUpdate"  # noqa: F821
if "MLM_UI_EXTENSIONS" in os.environ:  # a folder of built extensions, where the package is not installed with its own
    galata = c.LabServerApp.extra_labextensions_path  # noqa: F821
    c.LabServerApp.extra_labextensions_path = [galata, os.environ["MLM_UI_EXTENSIONS"]]  # noqa: F821
