"""The check of what stands around questions and answers: prompts are filled, and traces are read as they were written."""

import re

from skillfactory_core.attempt import Attempt
from skillfactory_core.check.answers import TRIED, others
from skillfactory_core.check.subject import Flaw, Subject, show
from skillfactory_core.problem import Problem
from skillfactory_core.prompts import FIELD, PromptSet
from skillfactory_core.reflection import Reflection
from skillfactory_core.skill import Phrase
from skillfactory_core.strategy import Pair
from skillfactory_core.tags import TagFormat, Try

FIELDS = ("question", "answer_kind", "attempt", "hint", "form")
"what prompts are filled with; attempts are for reflections alone, hints for the prompts that hint, the form for the one that explains it"
OWN_FIELD = re.compile(r"(?<![\w}^])" + FIELD.pattern)
"a field, and no braces of LaTeX such as those of \\frac{a}{b}"
NOTHING = Phrase("", "check")


def asking(subject: Subject) -> tuple[int, str]:
    """Every prompt of every prompt set, and a trace in every tag format."""
    kind = getattr(subject.task, "answer_kind", None)
    if not isinstance(kind, str) or not kind.strip():
        raise Flaw(f"answer_kind is {kind!r:.40}: say what a prompt asks for, such as 'a whole number'")
    chosen = subject.problems[:TRIED]
    for problem, other in zip(chosen, others(subject), strict=False):
        for prompts in subject.prompts:
            prompted(problem, prompts, kind, subject.reference(problem))
        for tags in subject.tags:
            for name, text in (("the question", problem.question), ("answer_kind", kind)):
                if tags.breaks(text, inner=""):
                    raise Flaw(f"{problem.key}: {name} holds a tag of '{tags.name}': {text!r:.200}")
            traced(problem, tags, subject.reference(other), subject.reference(problem))
    names = [*(prompts.name for prompts in subject.prompts), *(tags.name for tags in subject.tags)]
    return len(chosen), f"prompts are filled, traces read back: {', '.join(names)}"


def prompted(problem: Problem, prompts: PromptSet, kind: str, reference: str) -> None:
    """Every prompt of a set holds the question, and no field that nobody fills."""
    try:
        question = prompts.question(problem.task, problem.params, problem.question)
    except Exception as error:
        raise Flaw(f"{problem.key}: prompt set '{prompts.name}' cannot word it: {error}") from error
    fields = OWN_FIELD.findall(prompts.questions.get(problem.task, ""))
    unfilled = [name for name in fields if name not in problem.params]
    if unfilled:
        raise Flaw(f"prompt set '{prompts.name}' words the task with {{{unfilled[0]}}}, which no problem has")
    asks = [(prompt, {"question": question}) for prompt in (*prompts.attempts, prompts.final)]
    hints = [(prompt, {"question": question, "hint": reference}) for prompt in prompts.hints]
    explains = [(prompts.instruct, {"question": question, "form": problem.hash})] if prompts.instruct else []
    judges = [(prompt, {"question": question, "attempt": problem.hash}) for prompt in prompts.reflections]
    for prompt, needed in (*asks, *hints, *explains, *judges):
        given = {**needed, "answer_kind": kind}
        said = "\n".join(message["content"] for message in prompt.messages(**given))
        for name in FIELD.findall(f"{prompt.system}\n{prompt.text}"):
            if name in FIELDS and name not in given:
                raise Flaw(f"prompt set '{prompts.name}', prompt '{prompt.name}': nobody fills {{{name}}} there")
        for name in needed:
            if given[name] not in said:
                raise Flaw(f"prompt set '{prompts.name}', prompt '{prompt.name}' does not say the {name}")


def traced(problem: Problem, tags: TagFormat, wrong: str, right: str) -> None:
    """A trace of two attempts is read back as it was written. A format may leave out its tags, but never the answer."""
    answers = [answer.strip() for answer in (wrong, right)]
    pairs = [pair(problem, tags, number, answer) for number, answer in enumerate(answers)]
    text = "".join(segment.text for segment in tags.write(pairs, [NOTHING], NOTHING, answers[-1]))
    parsed = tags.parse(text)
    tries = tuple(Try(answer, True, bool(number)) for number, answer in enumerate(answers))
    tagged = f"<{tags.think}>" in text
    if any(tags.breaks(pair.attempt.text, tags.answer) for pair in pairs) or (tagged and not parsed.well_formed):
        raise Flaw(f"{problem.key}: the references {answers!r:.120} break a trace in tag format '{tags.name}'")
    if parsed.answer != answers[-1] or (tagged and parsed.tries != tries):
        raise Flaw(f"{problem.key}: tag format '{tags.name}' reads {parsed!r:.200} in {show(text)}")


def pair(problem: Problem, tags: TagFormat, number: int, answer: str) -> Pair:
    """An attempt and a reflection on it; the first is wrong."""
    key = f"{problem.key}/check/{number}"
    verdict = tags.correct if number else tags.incorrect
    attempt = Attempt(key, problem.key, "check", number, f"<{tags.answer}>{answer}</{tags.answer}>", 0, "stop")
    critique = f"<{tags.verdict}>{verdict}</{tags.verdict}>"
    reflection = Reflection(f"{key}/check/0", key, problem.key, "check", 0, critique, 0, "stop", bool(number), "")
    return Pair(attempt, answer, bool(number), reflection)
