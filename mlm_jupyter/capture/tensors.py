"""torch tensors as pickles that keep what torch's own lose or spoil: views of one storage, zero copies, stable bytes.

A tensor is described by its storage, which is shared with every view of it: a model's parameters and what its optimizer
keeps of them stay one. Two things are not kept: the gradient last computed, and the graph a result was computed by.
"""

from __future__ import annotations

import collections
import ctypes
import sys
import weakref
from typing import TYPE_CHECKING, Any, Final

from mlm_jupyter.capture.arrays import IN_BAND_BELOW, view_of
from mlm_jupyter.capture.context import CannotCaptureError, read_buffer_into

if TYPE_CHECKING:
    from mlm_jupyter.capture.pickling import Reduced, ValuePickler

MOST_DEVICE_BYTES: Final = 1 << 30
_host_copies: Final[dict[int, tuple[weakref.ref[Any], tuple[int, int], Any]]] = {}
_versions: Final[dict[int, int]] = {}


def reduce_tensor(pickler: ValuePickler, tensor: Any) -> Any:
    """Reduce a tensor or parameter to a place in a storage; other layouts and subclasses by torch's own means."""
    import torch

    if tensor.is_leaf:
        if tensor.grad is not None:
            pickler.lossy.add("without .grad")
    elif tensor.grad_fn is not None:
        pickler.lossy.add("without the graph it was computed by")
    if tensor._backward_hooks or getattr(tensor, "_post_accumulate_grad_hooks", None):  # the second is new in torch 2.1
        pickler.lossy.add("without its hooks")
    is_parameter = type(tensor) is torch.nn.Parameter
    if type(tensor) is not torch.Tensor and not is_parameter:
        return NotImplemented
    if tensor.layout is not torch.strided or tensor.device.type == "meta" or tensor.is_quantized:
        return NotImplemented
    if vars(tensor) or tensor._backward_hooks or tensor.is_conj() or tensor.is_neg():
        return NotImplemented
    storage = tensor.untyped_storage()
    if tensor.device.type != "cpu":
        _versions[id(storage)] = tensor._version
    place = (tensor.storage_offset(), tuple(tensor.shape), tensor.stride())
    return make_tensor, (storage, tensor.dtype, *place, tensor.requires_grad, is_parameter)


def reduce_typed_storage(pickler: ValuePickler, storage: Any) -> Reduced:
    """Reduce what torch's own pickles hold: a storage that knows the type of its items."""
    return make_typed_storage, (storage._untyped_storage, storage.dtype)


def reduce_storage(pickler: ValuePickler, storage: Any) -> Reduced:
    """Reduce the memory that tensors share."""
    device, size = storage.device, storage.nbytes()
    if device.type != "cpu":
        return _reduce_device_storage(pickler, storage)
    if storage.is_shared():
        pickler.lossy.add("no longer in shared memory")
    shared = pickler.shared.find(storage) if pickler.shared else None
    if shared is not None:
        return storage_of_array, (*shared, size)
    if not storage.resizable():  # memory lent to NumPy or by it
        pickler.lent.append(storage)
    if size < IN_BAND_BELOW:
        return make_small_storage, (ctypes.string_at(storage.data_ptr(), size) if size else b"",)
    return make_storage, (pickler.add_memory(_bytes_of(storage), storage.data_ptr(), 0), size)


def reduce_view_of_tensor(tensor: Any, address: int, array: Any) -> Reduced:
    """Reduce a NumPy array that lies in the memory of ``tensor``."""
    offset = address - tensor.untyped_storage().data_ptr()
    return view_of_tensor, (tensor, offset, array.dtype, array.shape, array.strides, array.flags.writeable)


def _reduce_device_storage(pickler: ValuePickler, storage: Any) -> Reduced:
    """Reduce memory of an accelerator to a copy on the host, made anew when its address or a version counter moved."""
    size, key = storage.nbytes(), id(storage)
    if size > MOST_DEVICE_BYTES:
        raise CannotCaptureError(f"more than {MOST_DEVICE_BYTES >> 30} GiB on {storage.device}; keep what you need with .cpu()")
    state = (storage.data_ptr(), _versions.pop(key, -1))
    known = _host_copies.get(key)
    if known is None or known[0]() is not storage or known[1] != state:
        known = weakref.ref(storage, lambda _: _host_copies.pop(key, None)), state, storage.cpu()
        _host_copies[key] = known
    host = known[2]
    return make_device_storage, (pickler.add_memory(_bytes_of(host), host.data_ptr(), 0), size, str(storage.device))


def _bytes_of(storage: Any) -> memoryview:
    """Return the memory of a storage, which lives as long as what is returned."""
    size = storage.nbytes()
    memory = (ctypes.c_char * size).from_address(storage.data_ptr() if size else 0)
    memory.owner = storage
    return memoryview(memory).cast("B")


def is_tensor(value: Any) -> bool:
    """Return whether ``value`` is a tensor; torch is not imported for it."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def is_memory_closed(tensors: list[Any]) -> bool:
    """Return whether nothing but these tensors leads to the memory they lie in: other views of it are no references to them."""
    import torch

    count_uses: Any = getattr(torch._C, "_storage_Use_Count", None)
    storages: dict[int, Any] = {}
    uses: collections.Counter[int] = collections.Counter()
    for tensor in tensors:
        if type(tensor) not in (torch.Tensor, torch.nn.Parameter) or tensor.layout is not torch.strided:
            return False
        if tensor.device.type != "cpu" or tensor._use_count() != 1 or count_uses is None:
            return False
        storage = tensor.untyped_storage()
        storages[id(storage)] = storage
        uses[id(storage)] += 1
    del storage
    lone = torch.empty(1)
    storages[0], uses[0] = lone.untyped_storage(), 1  # what a storage that nobody else knows looks like from here
    beyond = count_uses(storages[0]._cdata) - 1
    references = sys.getrefcount(storages[0])
    return all(
        storages[key].resizable()  # else it is lent to or by NumPy
        and not storages[key].is_shared()
        and count_uses(storages[key]._cdata) == uses[key] + beyond
        and sys.getrefcount(storages[key]) == references
        for key in uses
    )


# What follows stands in stored pickles by name: change a meaning by adding a function.


def make_tensor(
    storage: Any,
    dtype: Any,
    offset: int,
    shape: tuple[int, ...],
    strides: tuple[int, ...],
    requires_grad: bool,
    is_parameter: bool,
) -> Any:
    """Return a tensor of ``shape`` and ``strides`` (in items), ``offset`` items into ``storage``."""
    import torch

    tensor = torch.empty(0, dtype=dtype, device=storage.device).set_(storage, offset, shape, strides)
    return torch.nn.Parameter(tensor, requires_grad) if is_parameter else tensor.requires_grad_(requires_grad)


def make_typed_storage(storage: Any, dtype: Any) -> Any:
    """Return a storage that knows the type of its items."""
    import torch

    return torch.storage.TypedStorage(wrap_storage=storage, dtype=dtype, _internal=True)


def make_small_storage(data: bytes) -> Any:
    """Return a storage that owns a copy of ``data``."""
    import torch

    storage = torch.UntypedStorage(len(data))
    if data:
        _bytes_of(storage)[:] = data
    return storage


def make_storage(index: int, size: int) -> Any:
    """Return a storage of ``size`` bytes, filled from the pickle's buffer number ``index``."""
    import torch

    storage = torch.UntypedStorage(size)
    read_buffer_into(index, _bytes_of(storage))
    return storage


def make_device_storage(index: int, size: int, device: str) -> Any:
    """Return a storage on ``device``; raises what torch raises when there is no such device here."""
    import torch

    return torch.UntypedStorage(size, device=device).copy_(make_storage(index, size))


def storage_of_array(array: Any, offset: int, size: int) -> Any:
    """Return the storage of ``size`` bytes that lies ``offset`` bytes into the memory of a NumPy array."""
    import numpy as np
    import torch

    return torch.from_numpy(view_of(array, offset, np.dtype(np.uint8), (size,), (1,), True)).untyped_storage()


def view_of_tensor(
    tensor: Any, offset: int, dtype: Any, shape: tuple[int, ...], strides: tuple[int, ...], is_writeable: bool
) -> Any:
    """Return a NumPy array that lies in a tensor's memory, ``offset`` bytes into its storage."""
    import numpy as np
    import torch

    memory = torch.empty(0, dtype=torch.uint8).set_(tensor.untyped_storage()).numpy()
    view: Any = np.ndarray(shape, dtype, memory, offset, strides)
    if view.flags.writeable != is_writeable:
        view.flags.writeable = is_writeable
    return view
