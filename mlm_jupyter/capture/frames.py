"""pandas objects as pickles that keep who shares memory with whom, and the references copy-on-write lives by.

A Series that shares memory with its frame but has lost pandas's record of it is corrupted by the next ``df.loc[...] =``:
so blocks are pickled with their ``BlockValuesRefs``, and an Index with its own.
"""

from __future__ import annotations

import copyreg
from typing import TYPE_CHECKING, Any, Final

from mlm_jupyter.capture.pickling import memory_of

if TYPE_CHECKING:
    from mlm_jupyter.capture.pickling import ValuePickler


_OF_EVERY_FRAME: Final = frozenset(
    {"_mgr", "_name", "_attrs", "_flags", "_typ", "_item_cache", "_is_copy", "_cacher", "_cache", "_metadata"}
)


def reduce_frame(pickler: ValuePickler, frame: Any) -> Any:
    """Reduce a DataFrame or Series with what its own state leaves out: attributes set on it, and the very dict of its attrs.

    Without the class's own ``_metadata`` list, which would link all frames.
    """
    from pandas.core.generic import NDFrame

    own: tuple[Any, Any] = (type(frame).__getstate__, type(frame).__reduce_ex__)
    if own != (NDFrame.__getstate__, object.__reduce_ex__):  # a subclass that knows better
        return NotImplemented
    state = frame.__getstate__()
    state.pop("_metadata", None)
    state["_attrs"] = state.pop("attrs")
    state |= set_on_frame(frame)
    return copyreg.__newobj__, (type(frame),), state  # type: ignore[attr-defined]  # typeshed leaves it out


def set_on_frame(frame: Any) -> dict[str, Any]:
    """Return the attributes that somebody has set on a DataFrame or Series, its ``attrs`` not among them."""
    return {key: value for key, value in vars(frame).items() if key not in _OF_EVERY_FRAME and not _is_accessor(frame, key)}


def _is_accessor(frame: Any, key: str) -> bool:
    """Return whether an attribute is one that pandas 2 keeps when it is asked for, as ``frame.plot``."""
    kind = getattr(type(frame), key, None)
    return isinstance(kind, type) and issubclass(kind, type(vars(frame)[key]))


def reduce_manager(pickler: ValuePickler, manager: Any) -> Any:
    """Reduce a block manager to its blocks and axes."""
    return make_manager, (type(manager), tuple(manager.blocks), list(manager.axes))


def reduce_block(pickler: ValuePickler, block: Any) -> Any:
    """Reduce a block of columns to its values, their places and the record of who shares them."""
    pickler.block_references.add(id(block.refs))
    pickler.guarded.update(memory_of(block.values))
    return make_block, (block.values, block.mgr_locs.indexer, block.ndim, block.refs)


def reduce_references(pickler: ValuePickler, references: Any) -> Any:
    """Reduce pandas's record of who shares some values: those who do join it when they are loaded."""
    return make_references, ()


def reduce_cacher(pickler: ValuePickler, obj: Any) -> Any:
    """Reduce an array or a type of pandas's own without what it has cached: asking for its kind or frequency adds to that."""
    reduced = obj.__reduce_ex__(5)
    state = reduced[2] if isinstance(reduced, tuple) and len(reduced) > 2 else None
    if isinstance(state, dict):
        return (*reduced[:2], _without_cache(state) or None, *reduced[3:])
    if isinstance(state, tuple) and state and isinstance(state[-1], dict):
        attributes = _without_cache(state[-1])
        return (*reduced[:2], (*state[:-1], attributes) if attributes else state[:-1], *reduced[3:])
    return reduced


def _without_cache(state: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in state.items() if key != "_cache"}


def reduce_index(pickler: ValuePickler, index: Any) -> Any:
    """Reduce an Index; nothing is written into it, so what it holds links nobody who writes elsewhere, as columns do."""
    reduced = index.__reduce__()
    function, arguments = reduced[:2]
    data = arguments[1].get("data") if len(arguments) == 2 and isinstance(arguments[1], dict) else None
    if data is not None:
        pickler.index_data.update(memory_of(data))
    references = vars(index).get("_references")  # a RangeIndex would make one when asked, and needs none
    if references is None:
        return reduced
    pickler.index_references.add(id(references))
    return make_index, (function, arguments, references)


# What follows stands in stored pickles by name: change a meaning by adding a function.


def make_manager(cls: Any, blocks: tuple[Any, ...], axes: list[Any]) -> Any:
    """Return a block manager of ``blocks``."""
    if cls.__name__ == "SingleBlockManager":
        return cls(blocks[0], axes[0], verify_integrity=False)
    return cls(blocks, axes, verify_integrity=False)


def make_block(values: Any, indexer: Any, ndim: int, references: Any) -> Any:
    """Return a block of ``values``, entered in ``references``."""
    from pandas._libs.internals import BlockPlacement
    from pandas.core.internals.blocks import new_block

    return new_block(values, placement=BlockPlacement(indexer), ndim=ndim, refs=references)


def make_references() -> Any:
    """Return an empty record of who shares some values."""
    from pandas._libs.internals import BlockValuesRefs

    return BlockValuesRefs()


def make_index(function: Any, arguments: tuple[Any, ...], references: Any) -> Any:
    """Return an Index, entered in ``references``."""
    index = function(*arguments)
    index._references = references
    references.add_index_reference(index)
    return index
