"""The server half of the JupyterLab extension: the history over HTTP, and an event when it grows.

It reads rows, JSON and bytes; nothing stored is ever run or unpickled here.
"""
