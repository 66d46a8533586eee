"""Which cell of one notebook is which cell of another, and which line of a source which.

A diff is only as good as its pairs. Cells carry ids, so those come first; where ids are missing or new (nbformat before
4.5, a converted or copied notebook) the text decides. Pairs never cross: a moved cell is one removed and one added.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from mlm_jupyter.core.matching import Effort, Matcher

Pair = tuple[int, int]
Score = Callable[[int, int], float]
Numbers = dict[tuple[str, int], int]

_TOKEN: Final = re.compile(r"\w+|[^\w\s]")
_LEAST_SIMILAR: Final = 0.6
_MOST_SCORES: Final = 40_000  # text comparisons for one stretch of unpaired items: about 0.2 s
_STEPS_A_PLACE: Final = 5  # of the table that _best_alignment fills
_MOST_CHARACTERS: Final = 20_000  # of one text that are looked at to judge how similar it is


class CellKey(NamedTuple):
    """All that decides which cell is which."""

    id: str | None
    cell_type: str
    source: str


def pair_cells(base: Sequence[CellKey], other: Sequence[CellKey], effort: Effort | None = None) -> list[Pair]:
    """Return ``(position in base, position in other)`` of the cells that are the same cell, both rising.

    Cells of one type are paired by an id that is unique in both notebooks; of those that changed places, the most that
    keep their order. Between them cells are paired by equal source, then by similar source, unless their id says that
    they are elsewhere. What ``effort`` does not suffice for is not paired.
    """
    if base == other:
        return [(i, i) for i in range(len(base))]
    effort = effort or Effort()
    by_id = _pairs_by_id(base, other)
    anchors = _longest_rising(by_id)
    known_base = {i for i, _ in by_id}
    known_other = {j for _, j in by_id}
    pairs: list[Pair] = []
    i0 = j0 = 0
    for i1, j1 in [*anchors, (len(base), len(other))]:
        free_base = [i for i in range(i0, i1) if i not in known_base]
        free_other = [j for j in range(j0, j1) if j not in known_other]
        found = pair_texts([base[i][1:] for i in free_base], [other[j][1:] for j in free_other], effort)
        pairs += [(free_base[i], free_other[j]) for i, j in found]
        pairs.append((i1, j1))
        i0, j0 = i1 + 1, j1 + 1
    return pairs[:-1]


def pair_texts(base: Sequence[tuple[str, str]], other: Sequence[tuple[str, str]], effort: Effort) -> list[Pair]:
    """Return the pairs of ``(kind, text)`` items that are equal, and between those the most similar of one kind."""
    if not base or not other:
        return []
    pairs: list[Pair] = []
    i0 = j0 = 0
    for i1, j1, size in Matcher(base, other, effort).get_matching_blocks():
        similar = _pair_similar(base[i0:i1], other[j0:j1], effort)
        pairs += [(i0 + i, j0 + j) for i, j in similar]
        pairs += [(i1 + k, j1 + k) for k in range(size)]
        i0, j0 = i1 + size, j1 + size
    return pairs


def _pairs_by_id(base: Sequence[CellKey], other: Sequence[CellKey]) -> list[Pair]:
    where = _unique_ids(other)
    pairs = [(i, where[id]) for id, i in _unique_ids(base).items() if id in where]
    return [(i, j) for i, j in pairs if base[i].cell_type == other[j].cell_type]


def _unique_ids(cells: Sequence[CellKey]) -> dict[str, int]:
    count = Counter(cell.id for cell in cells)
    return {cell.id: i for i, cell in enumerate(cells) if cell.id is not None and count[cell.id] == 1}


def _longest_rising(pairs: Sequence[Pair]) -> list[Pair]:
    """Return the longest part of ``pairs`` (first members rise) whose second members rise too: patience sorting."""
    tails: list[int] = []
    ends: list[int] = []
    previous: list[int | None] = []
    for position, (_, j) in enumerate(pairs):
        length = bisect_left(tails, j)
        previous.append(ends[length - 1] if length else None)
        tails[length:] = [j, *tails[length + 1 :]]
        ends[length:] = [position, *ends[length + 1 :]]
    rising: list[Pair] = []
    at = ends[-1] if ends else None
    while at is not None:
        rising.append(pairs[at])
        at = previous[at]
    return rising[::-1]


def _pair_similar(base: Sequence[tuple[str, str]], other: Sequence[tuple[str, str]], effort: Effort) -> list[Pair]:
    """Return the pairs, both members rising, with the greatest sum of similarity."""
    n, m = len(base), len(other)
    if not n or not m or not effort.allows(n * m * _STEPS_A_PLACE):
        return []
    numbers: Numbers = {}
    base_words, other_words = ([_words(text, numbers) for _, text in side] for side in (base, other))
    reach = max(1, _MOST_SCORES // max(n, m))  # far from the diagonal nothing is compared when there is much

    def score(i: int, j: int) -> float:
        if base[i][0] != other[j][0] or abs(i * m // n - j) > reach:
            return 0.0
        if not effort.allows(min(len(base_words[i]), len(other_words[j]))):
            return 0.0
        return _similarity(base_words[i], other_words[j])

    return _best_alignment(n, m, score)


def _best_alignment(n: int, m: int, score: Score) -> list[Pair]:
    best = [[0.0] * (m + 1) for _ in range(n + 1)]
    taken: set[Pair] = set()
    for i in range(n - 1, -1, -1):
        row, below = best[i], best[i + 1]
        for j in range(m - 1, -1, -1):
            unpaired = max(below[j], row[j + 1])
            similarity = score(i, j)
            paired = below[j + 1] + similarity
            if similarity >= _LEAST_SIMILAR and paired > unpaired:
                taken.add((i, j))
                row[j] = paired
            else:
                row[j] = unpaired
    pairs: list[Pair] = []
    i = j = 0
    while i < n and j < m:
        if (i, j) in taken:
            pairs.append((i, j))
            i, j = i + 1, j + 1
        elif best[i + 1][j] >= best[i][j + 1]:
            i += 1
        else:
            j += 1
    return pairs


def _words(text: str, numbers: Numbers) -> frozenset[int]:
    """Return the words and signs of ``text``, each with how many came before it: a multiset that intersects in C.

    Each is its number in ``numbers``, which grows: numbers are compared several times faster.
    """
    seen: Counter[str] = Counter()
    words = set()
    for word in _TOKEN.findall(text, 0, _MOST_CHARACTERS):
        words.add(numbers.setdefault((word, seen[word]), len(numbers)))
        seen[word] += 1
    return frozenset(words)


def _similarity(a: frozenset[int], b: frozenset[int]) -> float:
    """Return Dice's coefficient: 1 for the same words, 0 for none in common."""
    size = len(a) + len(b)
    return 2 * len(a & b) / size if size else 1.0
