"""Law: NumPy's numbers come back as they were, to the last bit and of the same type, however they are kept."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlm_jupyter.capture.pickling import BufferSource, dump, load
from mlm_jupyter.capture.scalars import ScalarWatch

WHOLE = [f"{kind}{size}" for kind in "iu" for size in (1, 2, 4, 8)]
KINDS = ["f2", "f4", "f8", "c8", "c16", "g", *WHOLE, "?", "M8[s]", "m8[ns]"]


@pytest.mark.parametrize("kind", KINDS)
@given(st.data())
def test_a_number_comes_back_with_every_bit_it_had(kind: str, data: st.DataObject) -> None:
    dtype = np.dtype(kind)
    size = 1 if kind == "?" else dtype.itemsize
    bits = data.draw(st.binary(min_size=size, max_size=size))
    number = np.frombuffer(bytes([bits[0] & 1]) if kind == "?" else bits, dtype)[0]
    stream = dump([number, number], namespace={}, roots={}, scalars=ScalarWatch()).stream
    [back, again] = load(stream, BufferSource([], lambda _: bytearray(), lambda *_: None), globals_={}, resolve={}.__getitem__)
    assert type(back) is type(number)
    assert back.tobytes() == number.tobytes()
    assert again is back
