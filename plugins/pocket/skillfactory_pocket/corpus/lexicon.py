"""The words that pocket knows to spell: those of the dictionary's common words that are made of frequent letters."""

from collections import Counter, defaultdict
from collections.abc import Callable
from functools import cache
from itertools import combinations
from math import log
from random import Random

from skillfactory_pocket.corpus.document import Document
from skillfactory_tasks.dictionary import common_words, words

KNOWN = {4: 600, 5: 600}
"how many words of each length"
LENGTHS = tuple(KNOWN)


@cache
def known(length: int) -> tuple[str, ...]:
    """The common words of that length with the most frequent letters."""
    counts = Counter(letter for word in common_words(length) for letter in word)

    def likely(word: str) -> tuple[float, str]:
        repeated = len(word) - len(set(word))
        return -sum(log(counts[letter]) for letter in word) + 2 * repeated, word

    return tuple(sorted(sorted(common_words(length), key=likely)[: KNOWN[length]]))


@cache
def by_letters(length: int) -> dict[str, list[str]]:
    """Known words by their letters in alphabetical order."""
    found = defaultdict(list)
    for word in known(length):
        found["".join(sorted(word))].append(word)
    return dict(found)


def spelled_from(letters: list[str], length: int) -> list[str]:
    """The known words of that length that can be spelled with the letters."""
    index = by_letters(length)
    return [
        word for chosen in sorted(set(combinations(sorted(letters), length))) for word in index.get("".join(chosen), ())
    ]


@cache
def followers() -> dict[str, str]:
    """What follows two letters in known words, '^' before the first and '$' after the last, as often as it does."""
    found: dict[str, list[str]] = defaultdict(list)
    for length in LENGTHS:
        for word in known(length):
            for at in range(len(word) + 1):
                found[f"^^{word}"[at : at + 2]].append(f"{word}$"[at])
    return {before: "".join(after) for before, after in found.items()}


def made_up(random: Random, letters: list[str], length: int, in_order: bool = False) -> str:
    """What sounds like a word of that length, from these letters, perhaps in their order. Now and then it is one."""
    for _ in range(20):
        word, left = "", list(letters)
        while len(word) < length:
            after = [c for c in followers().get(f"^^{word}"[-2:], "") if c in left]
            if not after:
                break
            word += random.choice(after)
            at = left.index(word[-1])
            left = left[at + 1 :] if in_order else left[:at] + left[at + 1 :]
        if len(word) == length:
            return word
    return "".join(letters[at] for at in sorted(random.sample(range(len(letters)), length)))


def beside(random: Random, length: int, missing: Callable[[str], int]) -> str:
    """A known word for which one letter is missing; another known word where there is none."""
    picks = [random.choice(known(length)) for _ in range(40)]
    return next((word for word in picks if missing(word) == 1), picks[0])


def slipped(random: Random, word: str) -> str:
    """A word with one letter changed or two swapped. Now and then it is another word."""
    letters = list(word)
    at = random.randrange(len(letters))
    if random.random() < 0.4:
        at = max(at, 1)
        letters[at - 1], letters[at] = letters[at], letters[at - 1]
    else:
        letters[at] = random.choice("aeioustrnlcdmphgbkwyf")
    return "".join(letters)


def claim(word: str) -> str:
    """What a check says of a word, which is what the dictionary says."""
    return f"{word.upper()} is {'a' if word in words() else 'no'} word"


def drill(random: Random) -> Document:
    """Words and what only looks like one."""
    claims = []
    for _ in range(10):
        length = random.choice(LENGTHS)
        word = random.choice(known(length))
        pick = random.random()
        if pick < 0.25:
            word = slipped(random, word)
        elif pick < 0.5:
            word = made_up(random, list("aabcdeeefghiiklmnooprrssttuuwy"), length)
        claims.append(claim(word))
    return Document("drill", "", "", ", ".join(claims) + ".", learned_after=" is ")


def list_of_words(random: Random) -> Document:
    """Known words, to learn how they are spelled."""
    chosen = [random.choice(known(random.choice(LENGTHS))) for _ in range(10)]
    return Document("drill", "", "", "Words: " + ", ".join(word.upper() for word in chosen) + ".")
