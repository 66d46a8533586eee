"""What lives in the kernel beside the user's code: the extension's hooks and magics, and the recording of outputs.

The only package that knows IPython.
"""
