"""What Letter Countdown and Acronym ask of an answer before anything else: one word, long enough, and English."""

from skillfactory_tasks.dictionary import words
from skillfactory_tasks.wrapping import BOLD, QUOTES, unwrap

MAX_LENGTH = 256
"characters in an answer; the longest word has far fewer"
WRAPPINGS = (*BOLD, *QUOTES)


def read_word(answer: str) -> tuple[str, str]:
    """The word in small letters and '', or '' and the reason why there is none. Any spelling of the case counts."""
    if len(answer) > MAX_LENGTH:
        return "", "too_long"
    word = unwrap(answer, WRAPPINGS)
    if not (word.isascii() and word.isalpha()):
        return "", "unparsable" if answer.strip() else "no_answer"
    return word.lower(), ""


def is_word(word: str, length: int) -> bool:
    """Whether it has that many letters or more and is in the dictionary."""
    return len(word) >= length and word in words()
