"""Acronym: attempts that read the initials and spell a word of them, and checks that go along the initials."""

from random import Random

from skillfactory_pocket.corpus.document import PROMPTS, Document, attempt_document, check_document, verdict
from skillfactory_pocket.corpus.lexicon import LENGTHS, beside, claim, known, made_up, slipped
from skillfactory_tasks.acronym import Acronym, in_order, initials
from skillfactory_tasks.dictionary import words

TASK = "acronym"
SOLVED_SHARE = 0.7


def make_problem(random: Random) -> tuple[list[str], int, str]:
    """The words, the length and a solution; often one that is known."""
    length = random.choice(LENGTHS)
    while True:
        params = Acronym(length=length).make(random)
        if params["solution"] in known(length) or random.random() < 0.25:
            return params["words"], length, params["solution"]


def question(listed: list[str], length: int) -> str:
    return PROMPTS.question(TASK, {"words": listed, "length": length}, "")


def opening(style: str, random: Random, listed: list[str], length: int, word: str) -> str:
    if style == "plan_and_execute":
        return f"Plan: {len(word)} letters. "
    if style == "alternatively":
        pair = ["".join(random.sample(initials(listed), 2)).upper()]
        pair.insert(random.randrange(2), word[:2].upper())
        return f"Start {pair[0]}, alternatively {pair[1]}. "
    return f"From {', '.join(listed[:2])} reach {length}. " if style == "rephrase" else ""


def write_attempt(listed: list[str], word: str, first: str) -> str:
    return f"{first}Initials {initials(listed).upper()}. Spell {word.upper()}. <answer>{word.upper()}</answer>"


def wrong_guess(random: Random, listed: list[str], length: int) -> str:
    """A known word that does not go along the initials; now and then what sounds like a word."""
    if random.random() < 0.8:
        return beside(random, length, lambda word: missing(word, listed))
    return made_up(random, list(initials(listed)), length, in_order=random.random() < 0.7)


def missing(word: str, listed: list[str]) -> int:
    """How many of the word's letters have no initial left when it is gone along."""
    rest, count = initials(listed), 0
    for letter in word:
        before, _, after = rest.partition(letter)
        if before == rest:
            count += 1
        else:
            rest = after
    return count


def attempt(random: Random) -> Document:
    listed, length, solution = make_problem(random)
    word = solution if random.random() < SOLVED_SHARE else wrong_guess(random, listed, length)
    prompt = random.choice(PROMPTS.attempts)
    first = opening(prompt.name, random, listed, length, word)
    return attempt_document(TASK, prompt, question(listed, length), write_attempt(listed, word, first))


def check(random: Random) -> Document:
    """Half of the attempts are right; the others are no words, not in order, of other letters or too short."""
    listed, length, solution = make_problem(random)
    pick, word = random.random(), solution
    if pick > 0.95:
        word = solution[: length - 1]
    elif pick > 0.85:
        word = slipped(random, solution)
    elif pick > 0.7:
        word = beside(random, length, lambda word: missing(word, listed))
    elif pick > 0.5:
        word = made_up(random, list(initials(listed)), length, in_order=True)
    first = opening(random.choice(PROMPTS.attempts).name, random, listed, length, word)
    shown = write_attempt(listed, word, first)
    text = write_check(listed, length, word)
    return check_document(random, TASK, question(listed, length), shown, f"{length} letters", text)


def write_check(listed: list[str], length: int, word: str) -> str:
    """Each letter with the initials that come after it."""
    rest = initials(listed).upper()
    parts: list[str] = []
    for letter in word.upper():
        before, _, after = rest.partition(letter)
        if before == rest:
            return f"{initials(listed).upper()}. {', '.join([*parts, f'{letter} none'])}. {verdict(False)}"
        rest = after
        parts.append(f"{letter} {rest}".rstrip())
    text = f"{initials(listed).upper()}. {', '.join(parts)}. "
    if len(word) < length:
        return f"{text}{len(word)} letters, not {length}. {verdict(False)}"
    assert in_order(word, initials(listed))
    return f"{text}{len(word)} letters. {claim(word)}. {verdict(word in words())}"
