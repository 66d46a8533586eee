"""Words that can lead anywhere, so that a cell which uses one proves nothing about what it did not touch.

The proof rests on this: an object that only variables refer to can be reached by writing one of their names, or by
getting hold of the namespace itself. These words are the known ways to get hold of it: by name (``globals``), through
the collector, a frame, the shell, a module object, a name computed at run time, or an unpickler, which looks names up
in ``__main__``. What is missing here is a wrong history; what is here too much only costs a look at every variable.
"""

from __future__ import annotations

from typing import Final


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


ANYWHERE: Final = _words(
    """
    globals locals __import__ builtins __builtins__ __main__ __mp_main__
    __dict__ __globals__ __builtin__ __getattribute__ __getattr__ __setattr__ __delattr__ attrgetter methodcaller
    __array_interface__ __array_struct__ __cuda_array_interface__
    get_objects get_referrers get_referents ctypes _ctypes cffi
    currentframe _getframe _getframemodulename _current_frames _current_exceptions
    f_locals f_globals f_builtins f_back tb_frame tb_next gi_frame cr_frame ag_frame
    settrace setprofile settrace_all_threads setprofile_all_threads addaudithook
    get_ipython InteractiveShell user_ns user_ns_hidden user_global_ns user_module
    displayhook exec_result last_execution_result history_manager output_hist __annotate__
    run_cell run_cell_async run_code run_ast_nodes run_line_magic run_cell_magic safe_execfile
    """
)
"""Words that count inside a text too, where a format string or an evaluated expression may hold them."""

TO_THE_NOTEBOOK: Final = ANYWHERE - _words(
    """
    globals locals __import__ builtins __builtins__ __builtin__ __dict__ __annotate__
    __getattribute__ __getattr__ __setattr__ __delattr__ attrgetter methodcaller
    __array_interface__ __array_struct__ __cuda_array_interface__
    """
)
"""Of these the ones by which a module of the project gets at more than it was passed: the others lead to what is its own."""

AS_CODE: Final = _words(
    """
    vars exec eval execfile compile getattr setattr delattr breakpoint gc inspect monitoring pdb ipdb bdb timeit
    annotationlib ForwardRef evaluate_forward_ref remote_exec interpreters InterpreterPoolExecutor
    importlib import_module runpy run_module run_path reload pkgutil pydoc cProfile doctest mock dictConfig get_type_hints
    pickle cPickle _pickle cloudpickle dill joblib shelve copyreg marshal read_pickle allow_pickle Unpickler load loads
    multiprocessing ProcessPoolExecutor InteractiveInterpreter InteractiveConsole
    _shared_axes _twinned_axes get_shared_x_axes get_shared_y_axes get_shared_z_axes referenced_blocks
    patsy formulaic dmatrix dmatrices from_formula smf numexpr duckdb aes
    debug reset reset_selective store autoreload macro rerun pylab xdel
    """
)
"""Plain English too: these count as a name, an attribute, or the whole of a text (``getattr(x, "eval")``). The last
line are magics, which IPython also runs without their ``%``."""

IN_PASSING: Final = _words(
    """
    load loads aes smf store debug reset reset_selective autoreload macro rerun pylab xdel
    pickle cPickle _pickle cloudpickle dill joblib shelve copyreg marshal importlib multiprocessing
    """
)
"""Of these the ones that a notebook may hand on or give another name: variables of the user's mostly, and modules whose
functions are known by their own names. The others, once they have another name, count for every later cell."""

HARMLESS: Final = _words(
    "signature getsource getdoc cleandoc isclass isfunction ismethod iscoroutinefunction Parameter default_timer"
)
"""What ``inspect`` and ``timeit`` have that leads nowhere."""

AS_ATTRIBUTE: Final = frozenset({"ev", "ex", "query", "sql", "modules", "interact", "shell"})
"""These count behind a dot, where they are imported, or as the whole of a text: ``except E as ex`` is harmless."""

NEVER_AS_ATTRIBUTE: Final = frozenset({"compile", "timeit"})
"""``re.compile`` and ``model.compile`` are harmless. So is ``timeit.timeit`` after its module's name counted."""

NAMES: Final = ANYWHERE | AS_CODE
"""All that count as a name."""

ATTRIBUTES: Final = (NAMES | AS_ATTRIBUTE) - NEVER_AS_ATTRIBUTE
"""All that count as an attribute, or as the whole of a text."""

LASTING: Final = frozenset({"%autoreload", "settrace", "setprofile", "addaudithook", "monitoring", "autoreload", "ForwardRef"})
"""Once used they act on every later cell."""

PYTHON_MAGICS: Final = frozenset({"time", "timeit", "capture", "prun", "mlm_run"})
"""Magics whose argument or body is Python, run in the namespace of the notebook."""

SAFE_MAGICS: Final = PYTHON_MAGICS | _words(
    """
    matplotlib load_ext unload_ext who who_ls whos cd pwd ls ll lf lk ldir lx cat less more man mkdir rmdir rm cp mv
    pip conda mamba micromamba uv env set_env precision pprint history hist lsmagic magic quickref colors config
    pinfo pinfo2 pdoc psource pfile psearch pycat sx system bash sh script html HTML javascript js svg SVG latex
    markdown writefile file automagic alias bookmark dhist dirs popd pushd notebook rehashx tb xmode
    """
)
"""Magics that run no code of the notebook's, or only code that stands in the cell. So do ours (``mlm_*``)."""


def is_harmless(name: str) -> bool:
    """Tell whether what a module has by this name is a constant, an error, or something that leads nowhere."""
    return name in HARMLESS or name.isupper() or name.endswith("Error")


def is_safe_magic(name: str) -> bool:
    """Tell whether a magic can touch no variable but those that the cell names."""
    return name in SAFE_MAGICS or name.startswith("mlm_")
