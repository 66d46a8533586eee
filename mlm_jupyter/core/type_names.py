"""What the type of a value is called. The type itself is asked: ``__class__`` may lie, and a metaclass may run code."""

from __future__ import annotations

import sys
import types

from mlm_jupyter.core.surrogates import storable


def type_label(value: object) -> str:
    """Return the name of the value's type, without where it lives."""
    return storable(type.__getattribute__(type(value), "__qualname__"))


def module_of(kind: type) -> str:
    """Return the module that a type says it is from; an empty text where it says none, as SymPy's functions do."""
    module = type.__getattribute__(kind, "__module__")
    return module if isinstance(module, str) else ""


def type_name(value: object) -> str:
    """Return where the type of ``value`` lives and its name, ``pandas.DataFrame``; builtins without a module.

    A class that its package offers higher up is named as users import it, not by the file that defines it.
    """
    kind = type(value)
    module, name = type.__getattribute__(kind, "__module__"), type_label(value)
    if not isinstance(module, str) or module == "builtins":
        return name
    if module == "__main__":
        return f"__main__.{name}"
    end = -1
    while (end := module.find(".", end + 1)) > 0:
        package = sys.modules.get(module[:end])
        if isinstance(package, types.ModuleType) and vars(package).get(name) is kind:
            return f"{module[:end]}.{name}"
    return storable(f"{module}.{name}")
