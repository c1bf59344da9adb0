"""The English words that letter games accept: SCOWL up to size 70, and the common ones, up to size 50.

The list ships with the package, so that an answer gets the same grade on every machine; words/build.py made it
and words/NOTICE is its licence. It is part of the graders: another list is another version of them.
"""

import zlib
from functools import cache
from hashlib import sha256
from pathlib import Path

from skillfactory_core.errors import SkillFactoryError

FILE = Path(__file__).parent / "words/words.txt.gz"
SHA256 = "f0135481afc6976616bf0824a88c7749ef225113bb13a53bfbc0e3690dced7e1"
"of the list before compression"
GZIP = 31
"zlib's number for a gzip file"


@cache
def text() -> str:
    """The list as it was built: the common words, an empty line, and the others."""
    try:
        unpacked = zlib.decompress(FILE.read_bytes(), GZIP)
    except (OSError, zlib.error) as error:
        raise SkillFactoryError(f"word list {FILE} cannot be read ({error}): install skillfactory again") from error
    if sha256(unpacked).hexdigest() != SHA256:
        raise SkillFactoryError(f"word list {FILE} is not the one that belongs here: install skillfactory again")
    return unpacked.decode("ascii")


def word_list() -> dict[str, str]:
    """What a task says of the list that it ships: how many words, and which list."""
    return {"word list": f"{len(words()):,} words, SHA-256 {SHA256[:12]}"}


@cache
def words() -> frozenset[str]:
    """Every word that an answer may be."""
    return frozenset(text().split())


@cache
def common_words(length: int) -> tuple[str, ...]:
    """The common words of that many letters, from which problems are made, in alphabetical order."""
    common, _, _ = text().partition("\n\n")
    return tuple(word for word in common.split("\n") if len(word) == length)
