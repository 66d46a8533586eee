"""A project and one live namespace: its cells as they run, what they leave behind, and the way back.

Knows nothing of IPython: the kernel's hooks tell it when a cell begins and ends and where its outputs are.
"""
