"""Letter Countdown: attempts that spell a word at once, and checks that cross the letters off and know some words."""

from random import Random

from skillfactory_pocket.corpus.document import PROMPTS, Document, attempt_document, check_document, verdict
from skillfactory_pocket.corpus.lexicon import LENGTHS, beside, claim, made_up, slipped, spelled_from
from skillfactory_tasks.dictionary import words
from skillfactory_tasks.letter_countdown import LetterCountdown

TASK = "letter_countdown"
SOLVED_SHARE = 0.65
Problem = tuple[list[str], int, str]
"letters, length, the word that it was made from"


def make_problem(random: Random) -> Problem:
    params = LetterCountdown(length=random.choice(LENGTHS)).make(random)
    return params["letters"], params["length"], params["solution"]


def question(letters: list[str], length: int) -> str:
    return PROMPTS.question(TASK, {"letters": letters, "length": length}, "")


def guess(random: Random, letters: list[str], length: int, right: bool) -> str:
    """A known word that fits; or one for which a letter is missing or, now and then, what sounds like a word."""
    fitting = spelled_from(letters, length)
    if right and fitting:
        return random.choice(fitting)
    if random.random() < 0.8:
        return beside(random, length, lambda word: missing(word, letters))
    return made_up(random, letters, length)


def opening(style: str, random: Random, letters: list[str], length: int, word: str) -> str:
    if style == "plan_and_execute":
        return f"Plan: {len(word)} letters. "
    if style == "alternatively":
        pair = ["".join(random.sample(letters, 2)).upper()]
        pair.insert(random.randrange(2), word[:2].upper())
        return f"Start {pair[0]}, alternatively {pair[1]}. "
    return f"From {', '.join(letters)} reach {length}. " if style == "rephrase" else ""


def write_attempt(word: str, first: str) -> str:
    return f"{first}Spell {word.upper()}. <answer>{word.upper()}</answer>"


def attempt(random: Random) -> Document:
    letters, length, _ = make_problem(random)
    word = guess(random, letters, length, random.random() < SOLVED_SHARE)
    prompt = random.choice(PROMPTS.attempts)
    first = opening(prompt.name, random, letters, length, word)
    return attempt_document(TASK, prompt, question(letters, length), write_attempt(word, first))


def submitted(random: Random, letters: list[str], length: int) -> str:
    """What a check is asked about: right half of the time where a known word fits; otherwise no words, of other letters or too short."""
    pick = random.random()
    if pick < 0.5:
        return guess(random, letters, length, True)
    if pick < 0.7:
        return made_up(random, letters, length)
    if pick < 0.82:
        return slipped(random, guess(random, letters, length, True))
    if pick < 0.95:
        return beside(random, length, lambda word: missing(word, letters))
    return guess(random, letters, length, True)[: length - 1]


def missing(word: str, letters: list[str]) -> int:
    """How many of the word's letters are not there."""
    left, count = list(letters), 0
    for letter in word:
        if letter in left:
            left.remove(letter)
        else:
            count += 1
    return count


def check(random: Random) -> Document:
    letters, length, _ = make_problem(random)
    word = submitted(random, letters, length)
    first = opening(random.choice(PROMPTS.attempts).name, random, letters, length, word)
    text = write_check(letters, length, word)
    return check_document(
        random, TASK, question(letters, length), write_attempt(word, first), f"{length} letters", text
    )


def write_check(letters: list[str], length: int, word: str) -> str:
    """Each letter with those that are left after it."""
    left = list(letters)
    parts: list[str] = []
    for letter in word:
        if letter not in left:
            return f"{', '.join([*parts, f'{letter.upper()} none'])}. {verdict(False)}"
        left.remove(letter)
        parts.append(f"{letter.upper()} {''.join(left).upper()}")
    text = f"{', '.join(parts)}. "
    if len(word) < length:
        return f"{text}{len(word)} letters, not {length}. {verdict(False)}"
    return f"{text}{len(word)} letters. {claim(word)}. {verdict(word in words())}"
