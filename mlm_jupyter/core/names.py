"""Names for runs that were given none: easy to say, to remember and to tell apart."""

from __future__ import annotations

from typing import Final

from mlm_jupyter.core.digest import digest_of

_ADJECTIVES: Final = (
    "agile amber ample bold brave bright brisk calm candid clear clever cosmic crisp curious deft eager early fair fleet "
    "fresh gentle glad golden grand green happy honest humble jolly keen kind light lively lucid lunar merry mild modest "
    "neat noble olive patient plucky polite prime proud quick quiet rapid ready royal rustic serene sharp silver smart "
    "solar solid steady sunny swift tidy vivid warm wise"
)
_NOUNS: Final = (
    "acorn alder aspen badger beaver birch bison canyon cedar comet condor coral crane creek delta dune eagle elm ember "
    "falcon fern finch fjord fox gecko glacier grove harbor hare hawk heron ibis island jay juniper lagoon lark lynx "
    "maple marten meadow mesa nebula oak orchid otter owl panda pebble pine prairie quail raven reef ridge river robin "
    "spruce swan thistle tiger valley willow wren"
)


def run_name(id: str) -> str:
    """Return the name of the run ``id``, always the same: ``calm-otter-417``."""
    adjectives, nouns = _ADJECTIVES.split(), _NOUNS.split()
    number, adjective = divmod(int(digest_of(id.encode())[:15], 16), len(adjectives))
    number, noun = divmod(number, len(nouns))
    return f"{adjectives[adjective]}-{nouns[noun]}-{number % 999 + 1}"
