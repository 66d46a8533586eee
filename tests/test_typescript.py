"""The browser's half spells the nouns as Python does."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlm_jupyter.typescript import generate

SCHEMA = Path(__file__).parent.parent / "src" / "schema.ts"


@pytest.mark.skipif(not SCHEMA.exists(), reason="installed without the sources of the browser's half")
def test_the_schema_is_what_the_entities_say() -> None:
    stale = "src/schema.ts is stale. Make it anew with: python -m mlm_jupyter.typescript > src/schema.ts"
    assert SCHEMA.read_text() == generate(), stale
