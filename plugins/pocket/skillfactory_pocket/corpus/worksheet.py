"""Worksheets: several problems asked at once, answered one by one within tags, as a form shows them.

So a tag is known as what holds an attempt or a check, wherever in a text, before any trace is. Each problem is another one: nothing is
tried twice, and no check is of an attempt in the same reply.
"""

from collections.abc import Callable
from random import Random

from skillfactory_pocket.corpus import acronym, countdown, letter_countdown, multiplication, word_problems
from skillfactory_pocket.corpus.document import Document
from skillfactory_pocket.corpus.markup import TAG_NAMES, words

ITEMS: dict[Callable[[Random], Document], int] = {
    countdown.attempt: 8,
    countdown.check: 10,
    multiplication.attempt: 2,
    multiplication.check: 2,
    letter_countdown.attempt: 3,
    letter_countdown.check: 3,
    acronym.attempt: 3,
    acronym.check: 2,
    word_problems.attempt: 3,
    word_problems.check: 3,
}
"what is asked for, out of the sum"
COUNTS = (1, 2, 3, 4, 8)
"how many of them there are; eight fit only into the longest rows"
BLANK = "..."
"where the form has an item"
ANSWER = "<answer>"


def worksheet(random: Random) -> Document:
    """Problems and checks, in any order."""
    return fill_form(random, "worksheet", *make_items(random))


def summed_up(random: Random) -> Document:
    """The same, with the last answer once more at the end."""
    return fill_form(random, "worksheet", *make_items(random), again=True)


def make_items(random: Random) -> tuple[str, list[str]]:
    """A request for several items, and the reply to each."""
    items = [random.choices(list(ITEMS), list(ITEMS.values()))[0](random) for _ in range(random.choice(COUNTS))]
    asked = items[0].prompt
    if len(items) > 1:
        name = random.choice(TAG_NAMES)
        asked = "\n".join(f"<{name}>{item.prompt}</{name}>" for item in items)
    return asked, [item.completion for item in items]


def fill_form(random: Random, kind: str, asked: str, replies: list[str], again: bool = False) -> Document:
    """A form of tags and words with a blank for each reply, and the same with the replies in it."""
    lines = [line for _ in replies for line in (*some_words(random), in_tag(random.choice(TAG_NAMES), BLANK))]
    if random.random() < 0.5:
        name = random.choice(TAG_NAMES)
        lines = [f"<{name}>", *lines, f"</{name}>"]
    answers = [reply[reply.index(ANSWER) :] for reply in replies if ANSWER in reply]
    if again and answers:
        lines += [*some_words(random), in_tag("answer", BLANK)]
        replies = [*replies, answers[-1].removeprefix(ANSWER).removesuffix("</answer>")]
    form = "\n".join(lines)
    filled = iter(replies)
    reply = "\n".join(line.replace(BLANK, next(filled)) if BLANK in line else line for line in lines)
    return Document(kind, "", f"{asked}\nWrite it like this:\n{form}", reply)


def some_words(random: Random) -> list[str]:
    return [words(random, 2, 5)] if random.random() < 0.3 else []


def in_tag(name: str, text: str) -> str:
    return f"<{name}>{text}</{name}>"
