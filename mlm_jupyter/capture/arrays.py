"""NumPy arrays as pickles that keep what NumPy's own lose: views on one memory, layouts, ownership, zero copies.

An array is described by the root of its base chain. Memory of 64 KiB and more stays out of the stream, as a buffer that is
hashed and written from where it lies; below that a buffer costs more than the bytes. Object arrays of plain scalars, the way
pandas keeps strings, are watched by their pointers against a kept copy (see ``scalars.py``).
"""

from __future__ import annotations

import array as array_module
import ctypes
import pickle
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mlm_jupyter.capture.context import CannotCaptureError, array_to_rewrite, attribute_of, read_buffer, read_buffer_into
from mlm_jupyter.core.type_names import module_of

if TYPE_CHECKING:
    import numpy as np

    from mlm_jupyter.capture.pickling import Reduced, ValuePickler

    Array = np.ndarray[Any, Any]

IN_BAND_BELOW: Final = 1 << 16
WATCH_SCALARS_FROM: Final = 4096


def reduce_array(pickler: ValuePickler, array: Array) -> Reduced:
    """Reduce an exact ``numpy.ndarray``."""
    import numpy as np

    shared = pickler.shared.find(array) if pickler.shared else None
    if shared is not None:
        return _reduce_view(shared[0], array)
    if array.base is None:
        return _reduce_owner(pickler, array)
    if array.dtype.char == "T":  # which NumPy makes no views of by address
        pickler.lossy.add("without the memory of the array it is a view of")
        return _reduce_owner(pickler, array)
    base: Any = root_of(array)
    if isinstance(base, np.ndarray) and base.dtype.hasobject == array.dtype.hasobject:
        return _reduce_view(base, array)
    if isinstance(base, (bytearray, array_module.array)) or (isinstance(base, ctypes.Array) and owns_memory(base)):
        offset = _address(array) - _address(np.frombuffer(memoryview(base), np.uint8))
        return view_of_bytes, (base, offset, array.dtype, array.shape, array.strides, array.flags.writeable)
    if module_of(type(base)).startswith("torch"):
        from mlm_jupyter.capture.tensors import is_tensor, reduce_view_of_tensor

        if is_tensor(base):
            return reduce_view_of_tensor(base, _address(array), array)
    if type(base).__module__ == "mmap":
        raise CannotCaptureError("its memory is a mapped file; use numpy.memmap, which is remembered by path")
    if type(base).__name__ == "_BytesIOBuffer":
        pickler.lossy.add("without the memory shared with a BytesIO")
    if not isinstance(base, bytes) and not (pickler.shared and pickler.shared.stands(array)):
        pickler.lent.append(array)
    return _reduce_owner(pickler, array)


def root_of(array: Array) -> Any:
    """Return what owns the memory that ``array`` looks at."""
    import numpy as np

    base: Any = array.base
    while True:
        is_view = isinstance(base, np.ndarray) and base.base is not None and not isinstance(base, np.memmap)
        if is_view or type(base).__name__ == "DummyArray":  # what numpy.lib.stride_tricks puts between
            base = base.base
        elif isinstance(base, memoryview):
            base = base.obj
        elif type(base).__name__ in ("memoryview", "_memoryviewslice"):  # Cython's own
            base = base.base
        else:
            return base


def owns_memory(data: Any) -> bool:
    """Return whether an object of ctypes has memory of its own, which nothing else is known to look at."""
    return bool(data._b_needsfree_) and data._b_base_ is None and not data._objects


def _address(array: Array) -> int:
    address: int = array.__array_interface__["data"][0]
    return address


def _reduce_view(root: Array, array: Array) -> Reduced:
    return view_of, (root, _address(array) - _address(root), array.dtype, array.shape, array.strides, array.flags.writeable)


def _reduce_owner(pickler: ValuePickler, array: Array) -> Reduced:
    if array.dtype.hasobject:
        return _reduce_objects(pickler, array)
    flags = array.flags
    if array.nbytes < IN_BAND_BELOW:
        if flags.c_contiguous and flags.writeable:
            return small_array, (array.tobytes(), array.dtype, array.shape)
        axes = _memory_order(array)
        return small_array, (array.transpose(axes).tobytes(), array.dtype, array.shape, axes, flags.writeable)
    axes = _memory_order(array)
    dense = array.transpose(axes)
    if not dense.flags.c_contiguous:
        dense = dense.copy()
    period = dense.strides[0] if dense.ndim > 1 else 0
    return big_array, (
        pickler.add_memory(_bytes_of(dense), _address(dense), period),
        array.dtype,
        array.shape,
        axes,
        flags.writeable,
    )


def _memory_order(array: Array) -> tuple[int, ...]:
    """Return the order of axes in which the array lies in memory, the slowest first."""
    if array.flags.c_contiguous:
        return tuple(range(array.ndim))
    return tuple(sorted(range(array.ndim), key=lambda axis: -abs(array.strides[axis])))


def is_array(value: Any) -> bool:
    """Return whether a value is an array of NumPy's very own kind."""
    return type(value) is getattr(sys.modules.get("numpy"), "ndarray", None)


def has_numbers(array: Array) -> bool:
    """Return whether all there is to an array's items lies in its memory: no objects, and no text of any length."""
    return not array.dtype.hasobject and array.dtype.char != "T"


def bytes_in_memory(array: Array) -> memoryview:
    """Return the memory of an array without gaps, as it lies there; writing to it changes the array."""
    return _bytes_of(array.transpose(_memory_order(array)))


def _bytes_of(dense: Array) -> memoryview:
    import numpy as np

    flat: Any = dense.reshape(-1).view(np.uint8)
    return memoryview(flat)


def _reduce_objects(pickler: ValuePickler, array: Array) -> Reduced:
    if array.dtype.names is not None:
        raise CannotCaptureError("a structured array that holds Python objects")
    axes = _memory_order(array)
    dense = array.transpose(axes)
    if array.dtype.char == "T":
        return text_array, (dense.reshape(-1).tolist(), array.dtype, array.shape, axes, array.flags.writeable)
    if array.size >= WATCH_SCALARS_FROM and dense.flags.c_contiguous:
        index = pickler.add_scalars(array, dense.reshape(-1))
        if index is not None:
            return scalar_array, (index, array.shape, axes, array.flags.writeable)
    return object_array, (dense.reshape(-1).tolist(), array.shape, axes, array.flags.writeable)


def reduce_memmap(pickler: ValuePickler, array: Any) -> Reduced:
    """Reduce a ``numpy.memmap`` by where its file is, never reading it."""
    import numpy as np

    root = array
    while isinstance(root.base, np.memmap):
        root = root.base
    if root is not array:
        return view_of_map, (root, _address(array) - _address(root), array.dtype, array.shape, array.strides)
    path, mode = getattr(array, "filename", None), getattr(array, "mode", None)
    if path is None or mode not in ("r", "r+", "w+"):
        raise CannotCaptureError("a memory map that is copy-on-write or has no file")
    status = Path(path).stat()
    where = (str(path), array.dtype, mode.replace("w", "r"), array.offset, array.shape)
    return open_map, (*where, "C" if array.flags.c_contiguous else "F", status.st_size, status.st_mtime_ns)


def reduce_subclass(pickler: ValuePickler, array: Array) -> Reduced:
    """Reduce a masked array, a matrix, a record array, or a notebook's own kind, as a view on plain memory."""
    import numpy as np

    if array.base is None:
        make, arguments = _reduce_owner(pickler, array.view(np.dtype(array.dtype), np.ndarray))
        return owned_subclass, (type(array), array.dtype, vars(array), make, arguments)
    state = {key: value for key, value in vars(array).items() if key not in ("_basedict", "_optinfo") or value}
    return subclass_array, (type(array), array.dtype, array.view(np.dtype(array.dtype), np.ndarray), state)


def reduce_own_subclass(pickler: ValuePickler, array: Array) -> Any:
    """Reduce an array of a subclass that leaves pickling to NumPy, which forgets whose view it is and its attributes."""
    import numpy as np

    own: tuple[Any, ...] = (type(array).__reduce__, type(array).__reduce_ex__, type(array).__setstate__)
    if own != (np.ndarray.__reduce__, np.ndarray.__reduce_ex__, np.ndarray.__setstate__):
        return NotImplemented
    return reduce_subclass(pickler, array)


def reduce_record(pickler: ValuePickler, record: Any) -> Any:
    """Reduce one record of a structured array, which looks at the memory of the array."""
    import numpy as np

    if not isinstance(record.base, np.ndarray) or record.dtype.hasobject:
        return NotImplemented
    root = record.base if record.base.base is None else root_of(record.base)
    if not isinstance(root, np.ndarray):
        return NotImplemented
    return record_of, (root, _address(record) - _address(root), record.dtype)


def reduce_scalar(pickler: ValuePickler, scalar: Any) -> Any:
    """Refuse a scalar of a subclass, of which NumPy pickles the value alone; its own pickle as they are."""
    if module_of(type(scalar)).partition(".")[0] != "numpy" and type(scalar).__reduce__ in _REDUCES_OF_SCALARS():
        raise CannotCaptureError("a subclass of a NumPy scalar, which NumPy pickles without its class")
    return NotImplemented


def reduce_float(pickler: ValuePickler, scalar: Any) -> Any:
    """Reduce a scalar that a Python float stands for, five times as fast as NumPy does: not NaN, which has payloads."""
    number = float(scalar)
    return (type(scalar), (number,)) if number == number else NotImplemented


def reduce_integer(pickler: ValuePickler, scalar: Any) -> Reduced:
    """Reduce a scalar that a Python int stands for."""
    return type(scalar), (int(scalar),)


def reduce_record_dtype(pickler: ValuePickler, dtype: Any) -> Reduced:
    """Reduce a structured dtype without the very dict of its fields, which would link all that has records of one kind."""
    make, arguments, state = dtype.__reduce__()
    return make, arguments, tuple(dict(item) if type(item) is dict else item for item in state)


def _REDUCES_OF_SCALARS() -> tuple[Any, ...]:
    import numpy as np

    return (np.generic.__reduce__, np.void.__reduce__)


def reduce_random_state(pickler: ValuePickler, generator: Any) -> Any:
    """Reduce NumPy's global generator by reference: every scipy distribution would be linked through it."""
    import numpy as np

    if generator is np.random.mtrand._rand:
        return attribute_of, ("numpy.random.mtrand", "_rand")
    return NotImplemented


# What follows stands in stored pickles by name: change a meaning by adding a function.


def small_array(
    data: bytes, dtype: Any, shape: tuple[int, ...], axes: tuple[int, ...] | None = None, is_writeable: bool = True
) -> Array:
    """Return an array that owns a copy of ``data``, whose axes lie in memory in the order ``axes``."""
    import numpy as np

    array = _empty(shape, dtype, axes)
    source: Array = np.frombuffer(data, np.uint8)
    dense = array if axes is None else array.transpose(axes)
    if source.size:
        dense.reshape(-1).view(np.uint8)[:] = source
    array.flags.writeable = is_writeable
    return array


def _empty(shape: tuple[int, ...], dtype: Any, axes: tuple[int, ...] | None) -> Array:
    import numpy as np

    if axes is None or axes == tuple(range(len(shape))):
        return np.empty(shape, dtype)
    if axes == tuple(range(len(shape)))[::-1]:
        return np.empty(shape, dtype, order="F")
    dense = [shape[axis] for axis in axes]
    model = np.lib.stride_tricks.as_strided(np.empty(1, dtype), dense, _dense_strides(dense, np.dtype(dtype).itemsize))
    inverse = sorted(range(len(axes)), key=axes.__getitem__)
    return np.empty_like(model.transpose(inverse))  # keeps the order of the axes, and owns its memory


def _dense_strides(shape: list[int], itemsize: int) -> list[int]:
    strides = [itemsize] * len(shape)
    for axis in range(len(shape) - 2, -1, -1):
        strides[axis] = strides[axis + 1] * shape[axis + 1]
    return strides


def big_array(index: int, dtype: Any, shape: tuple[int, ...], axes: tuple[int, ...], is_writeable: bool) -> Array:
    """Return an array that owns its memory, filled from the pickle's buffer number ``index``.

    It is the live one that will be rewritten, where there is one, and it is like this.
    """
    array: Array | None = array_to_rewrite()
    if array is not None:
        likeness = array.dtype, array.shape, _memory_order(array), array.flags.writeable
        if likeness == (dtype, shape, axes, is_writeable) and not dtype.metadata:
            return array
    array = _empty(shape, dtype, axes)
    read_buffer_into(index, _bytes_of(array.transpose(axes)))
    array.flags.writeable = is_writeable
    return array


def object_array(items: list[Any], shape: tuple[int, ...], axes: tuple[int, ...], is_writeable: bool) -> Array:
    """Return an array of the objects ``items``, given in the order in which they lie in memory."""
    array = _empty(shape, object, axes)
    flat = array.transpose(axes).reshape(-1)
    flat[:] = _as_object_vector(items)
    array.flags.writeable = is_writeable
    return array


def _as_object_vector(items: list[Any]) -> Array:
    import numpy as np

    return np.fromiter(items, dtype=object, count=len(items))


def text_array(items: list[Any], dtype: Any, shape: tuple[int, ...], axes: tuple[int, ...], is_writeable: bool) -> Array:
    """Return an array of NumPy's ``StringDType``, of ``items`` in the order in which they lie in memory."""
    array = _empty(shape, dtype, axes)
    array.transpose(axes).reshape(-1)[:] = items
    array.flags.writeable = is_writeable
    return array


def scalar_array(index: int, shape: tuple[int, ...], axes: tuple[int, ...], is_writeable: bool) -> Array:
    """Return an object array whose items are the list pickled in buffer number ``index``."""
    return object_array(pickle.loads(read_buffer(index)), shape, axes, is_writeable)


def view_of(
    root: Array, offset: int, dtype: Any, shape: tuple[int, ...], strides: tuple[int, ...], is_writeable: bool
) -> Array:
    """Return a view of ``shape`` and ``strides`` (in bytes), ``offset`` bytes into the memory of ``root``."""
    import numpy as np

    was_writeable = root.flags.writeable
    if is_writeable and not was_writeable:
        root.flags.writeable = True
    axes = _memory_order(root)
    flat = root.transpose(axes).reshape(-1)
    view: Array
    if root.dtype.hasobject:
        itemsize = root.dtype.itemsize
        start = flat[offset // itemsize :] if shape and 0 not in shape else flat[:0]
        view = np.lib.stride_tricks.as_strided(start, shape, strides)
    else:
        view = np.ndarray(shape, dtype, flat.view(np.uint8), offset if 0 not in shape else 0, strides)
    if view.flags.writeable != is_writeable:
        view.flags.writeable = is_writeable
    if root.flags.writeable != was_writeable:
        root.flags.writeable = was_writeable
    return view


def view_of_bytes(
    base: Any, offset: int, dtype: Any, shape: tuple[int, ...], strides: tuple[int, ...], is_writeable: bool
) -> Array:
    """Return an array on the memory of a ``bytearray``, an ``array.array`` or an array of ctypes."""
    import numpy as np

    view: Array = np.ndarray(shape, dtype, base, offset, strides)
    if view.flags.writeable != is_writeable:
        view.flags.writeable = is_writeable
    return view


def view_of_map(root: Array, offset: int, dtype: Any, shape: tuple[int, ...], strides: tuple[int, ...]) -> Array:
    """Return a view of a memory map that is itself a memory map."""
    import numpy as np

    plain: Array = np.ndarray(shape, dtype, _bytes_of(root), offset, strides)
    view: Array = plain.view(np.memmap)
    for key in ("filename", "mode", "_mmap", "offset"):
        setattr(view, key, getattr(root, key))
    return view


def open_map(
    path: str, dtype: Any, mode: str, offset: int, shape: tuple[int, ...], order: Any, size: int, modified_at_ns: int
) -> Array:
    """Map the file again, if it is still the file that was mapped."""
    import numpy as np

    status = Path(path).stat()
    if (status.st_size, status.st_mtime_ns) != (size, modified_at_ns):
        raise CannotCaptureError(f"the file it maps has changed since: {path}")
    is_one_of: Any = mode
    mapped: Array = np.memmap(path, dtype, is_one_of, offset, shape, order)
    return mapped


def subclass_array(cls: Any, dtype: Any, plain: Array, state: dict[str, Any]) -> Array:
    """Return ``plain`` seen as the array class ``cls``."""
    array: Array = plain.view(cls)
    if array.dtype != dtype:
        array = plain.view(dtype, cls)
    vars(array).update(state)
    return array


def owned_subclass(cls: Any, dtype: Any, state: dict[str, Any], make: Any, arguments: tuple[Any, ...]) -> Array:
    """Return an array of the class ``cls`` on memory that ``make`` allocates and fills."""
    return subclass_array(cls, dtype, make(*arguments), state)


def record_of(root: Array, offset: int, dtype: Any) -> Any:
    """Return the record that lies ``offset`` bytes into the memory of ``root``."""
    return view_of(root, offset, dtype, (), (), True)[()]
