"""Whether what a model learns from is what it sees and writes later, token by token.

The lessons are made ready by the trainer itself, with a model of no size in place of the weights: no copy of its code
can drift from it. Nothing here loads weights, and nothing is written.
"""

from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import attrs

from skillfactory_core.doctor.finding import Finding
from skillfactory_core.doctor.limits import limits
from skillfactory_core.engines.transformers import end_ids, load_tokenizer, model_error, prompt_ids
from skillfactory_core.prompts import PromptSet
from skillfactory_core.run import Run
from skillfactory_core.stages.rearrange import lessons
from skillfactory_core.tags import TagFormat
from skillfactory_core.trainer import Lesson, SftSettings

LESSONS = 64
"traces of a run that are compared token by token"


@attrs.frozen
class Learnt:
    """A lesson as the trainer makes it."""

    lesson: Lesson
    ids: list[int]
    labels: list[int]
    "the token where it is learnt, -100 where not; after the collator, so with what padding does to it"


@attrs.frozen
class Patient:
    """A model as far as it is looked at."""

    tokenizer: Any
    ends: set[int]
    "tokens that end a reply"
    learnt: Sequence[Learnt]

    def text(self, ids: Sequence[int]) -> str:
        return str(self.tokenizer.decode(list(ids)))

    def shown(self, ids: Sequence[int]) -> str:
        """A few tokens, as a message shows them."""
        return repr(self.text(list(ids)[:12]))

    def prompt(self, one: Learnt) -> list[int]:
        return prompt_ids(self.tokenizer, list(one.lesson.messages))

    def reply(self, one: Learnt) -> tuple[list[int], int]:
        """The tokens after the prompt, and how many of them stand before the first that ends a reply."""
        ids = one.ids[len(self.prompt(one)) :]
        return ids, next((place for place, token in enumerate(ids) if token in self.ends), len(ids))


def examine(model: str, tags: TagFormat, prompts: PromptSet, run: Run | None) -> list[Finding]:
    """All findings on a model: a folder or a Hub name."""
    tokenizer = load_tokenizer(model)
    refused = template(tokenizer, prompts, has_template(model))
    if refused.state == "failed":
        return [refused, tags_as_text(tokenizer, tags)]
    texts = [made_up(tags, prompts, short) for short in (False, True)]
    if run is not None:
        texts += [Lesson(*lesson) for lesson in islice(lessons(run), LESSONS)]
    patient = Patient(tokenizer, ends_of(model, tokenizer), learn(tokenizer, texts))
    checks: tuple[Callable[[Patient], Finding], ...] = (prompt, completion, end, padding)
    findings = [refused, *(check(patient) for check in checks), tags_as_text(tokenizer, tags)]
    return [*findings, *limits(tokenizer, prompts, run)]


def made_up(tags: TagFormat, prompts: PromptSet, short: bool) -> Lesson:
    """A trace with every tag; a short one beside a long one makes padding."""
    answer = f"<{tags.answer}>1 + 2</{tags.answer}>"
    verdict = f"<{tags.verdict}>{tags.correct}</{tags.verdict}>"
    pair = f"<{tags.attempt}>{answer}</{tags.attempt}>\n<{tags.reflection}>{verdict}</{tags.reflection}>\n"
    messages = prompts.final.messages(question="1 + 2 = 3", answer_kind="3")
    return Lesson(tuple(messages), f"<{tags.think}>\n{pair * (1 if short else 3)}</{tags.think}>\n{answer}")


def ends_of(model: str, tokenizer: Any) -> set[int]:
    """The tokens at which engines stop, by the model's generation settings; without loading its weights."""
    from types import SimpleNamespace

    from transformers import AutoConfig, GenerationConfig

    try:
        settings = GenerationConfig.from_pretrained(model)
    except (OSError, ValueError):
        try:
            settings = GenerationConfig.from_model_config(AutoConfig.from_pretrained(model))
        except (OSError, ValueError) as error:
            raise model_error(model, error) from error
    return end_ids(SimpleNamespace(generation_config=settings), tokenizer)


def has_template(model: str) -> bool:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(model).chat_template is not None


def learn(tokenizer: Any, texts: Sequence[Lesson]) -> list[Learnt]:
    """The lessons as the trainer makes them ready, padded in one batch."""
    from transformers import LlamaConfig, LlamaForCausalLM

    from skillfactory_core.trainers.trl import sft_trainer

    size = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=1
    )
    with TemporaryDirectory() as folder:
        stand_in = LlamaForCausalLM(size)
        trainer = sft_trainer(stand_in, tokenizer, texts, Path(folder), SftSettings(batch=len(texts)), 0, [])
        rows = [trainer.train_dataset[place] for place in range(len(texts))]
        batch = trainer.data_collator(rows)
    return [
        Learnt(text, row["input_ids"], labels[: len(row["input_ids"])])
        for text, row, labels in zip(texts, rows, batch["labels"].tolist(), strict=True)
    ]


def template(tokenizer: Any, prompts: PromptSet, own: bool) -> Finding:
    """Whether every prompt of the set can be written."""
    from jinja2 import TemplateError

    explains = (prompts.instruct,) if prompts.instruct else ()
    for each in (prompts.final, *explains, *prompts.attempts, *prompts.hints, *prompts.reflections):
        messages = each.messages(question="1 + 2 = 3", answer_kind="3", attempt="3", hint="3")
        try:
            prompt_ids(tokenizer, messages)
        except (TemplateError, TypeError, ValueError) as error:
            what = f"it refuses prompt '{each.name}': {str(error).splitlines()[0]}"
            do = "take a prompt set without system messages (--prompts), or another model"
            return Finding("chat template", "failed", what, do)
    none = "none: engine and trainer write the messages one after the other, and a server refuses them"
    return Finding("chat template", "ok", "takes every prompt of the set" if own else none)


def prompt(patient: Patient) -> Finding:
    """The trainer's prompt is the engine's, and a server's."""
    do = "mend the chat template: it must write a prompt the same way alone and before a reply"
    for one in patient.learnt:
        seen = patient.prompt(one)
        served = patient.tokenizer.apply_chat_template(list(one.lesson.messages), add_generation_prompt=True)
        served = list(served["input_ids"]) if hasattr(served, "keys") else list(served)
        for who, other in (("a server's", served), ("the trainer's", one.ids[: len(seen)])):
            if seen != other:
                what = differ(patient, f"{who} prompt and the engine's", other, seen)
                return Finding("prompt", "failed", what, do)
        if any(label != -100 for label in one.labels[: len(seen)]):
            return Finding("prompt", "failed", "the loss covers tokens of the prompt", "this trainer is not fit for it")
    return Finding("prompt", "ok", f"the same tokens in trainer, engine and server, in {len(patient.learnt)} texts")


def differ(patient: Patient, who: str, a: Sequence[int], b: Sequence[int]) -> str:
    """Where two rows of tokens part."""
    place = parting(a, b)
    return f"{who} part at token {place}: {patient.shown(a[place:])} and {patient.shown(b[place:])}"


def parting(a: Sequence[object], b: Sequence[object]) -> int:
    return next((n for n, pair in enumerate(zip(a, b, strict=False)) if pair[0] != pair[1]), min(len(a), len(b)))


def completion(patient: Patient) -> Finding:
    """The trainer teaches the text of the trace, and the engine reads those tokens back as that text."""
    remark = ""
    for one in patient.learnt:
        ids, length = patient.reply(one)
        wanted, taught = one.lesson.completion, patient.text(ids[:length])
        # Where nothing ends the reply, check 'end' says so; here it may have a tail.
        if taught != wanted and not (length == len(ids) and taught.startswith(wanted)):
            place = parting(taught, wanted)
            near = slice(max(0, place - 10), place + 20)
            what = f"a lesson teaches {taught[near]!r} where its trace has {wanted[near]!r}"
            do = (
                "mend the chat template: with add_generation_prompt it must end where the reply begins, and it must leave "
                "the reply as it is; or the tokenizer, if it does not give back a text that it took in"
            )
            return Finding("completion", "failed", what, do)
        if wanted not in patient.tokenizer.decode(ids[:length], skip_special_tokens=True):
            what = "the engine leaves out special tokens, and then a completion is another text"
            return Finding("completion", "failed", what, "write the tags as plain text: see check 'tags'")
        alone = patient.tokenizer(wanted, add_special_tokens=False)["input_ids"]
        if alone != ids[:length] and not remark:
            remark = f"; read alone, its text has other tokens: {differ(patient, 'they', ids[:length], alone)}"
    return Finding("completion", "ok", f"the tokens that are learnt are the text of the trace{remark}")


def end(patient: Patient) -> Finding:
    """A lesson ends in a token at which generation stops, and that token is learnt."""
    stops = ", ".join(repr(patient.text([token])) for token in sorted(patient.ends))
    own = patient.tokenizer.eos_token_id
    for one in patient.learnt:
        ids, length = patient.reply(one)
        if length == len(ids):
            what = f"no lesson holds a token that ends a reply ({stops}): the model would not learn to stop"
            do = (
                "let the chat template end a reply in the tokenizer's eos_token, or add the token that it ends in to "
                "eos_token_id of generation_config.json"
            )
            return Finding("end", "failed", what, do)
        place = len(one.ids) - len(ids) + length
        if one.labels[place] != one.ids[place]:
            do = "give the tokenizer a pad_token of its own" if patient.tokenizer.pad_token_id == ids[length] else ""
            return Finding("end", "failed", f"{patient.shown(ids[length:])} ends the lesson and is not learnt", do)
        if ids[length] != own:
            what = f"lessons end in {patient.shown([ids[length]])}, and reinforcement ends replies in {patient.shown([own])}"
            return Finding("end", "failed", what, "make the token that the template ends in the tokenizer's eos_token")
    return Finding("end", "ok", f"lessons end in {patient.shown([own])}, it is learnt, and generation stops there")


def padding(patient: Patient) -> Finding:
    """Padding takes no token of a lesson out of the loss."""
    pad = patient.tokenizer.pad_token_id
    same = f"{patient.shown([pad])} pads{' and ends replies' if pad in patient.ends else ''}"
    for one in patient.learnt:
        start = len(patient.prompt(one))
        lost = [token for token, label in zip(one.ids[start:], one.labels[start:], strict=True) if label == -100]
        if lost:
            what = f"{same}, and the loss leaves out {patient.shown(lost)}"
            return Finding("padding", "failed", what, "give the tokenizer a pad_token that nothing else is")
    return Finding("padding", "ok", f"{same}; the loss covers every token of the reply")


def tags_as_text(tokenizer: Any, tags: TagFormat) -> Finding:
    """The tags are plain text: whatever strips special tokens leaves them."""
    written = [f"<{slash}{name}>" for name in tags.names for slash in ("", "/")]
    special = [tag for tag in written if tag in tokenizer.all_special_tokens]
    special += [str(t) for t in tokenizer.added_tokens_decoder.values() if t.special and str(t) in written]
    ids = tokenizer(" ".join(written), add_special_tokens=False)["input_ids"]
    back = tokenizer.decode(ids, skip_special_tokens=True)
    do = "take other tags (--tags, sf tag-formats), or make these tokens plain ones in the tokenizer"
    if special:
        return Finding("tags", "failed", f"{', '.join(sorted(set(special)))} are special tokens: they vanish", do)
    lost = [tag for tag in written if tag not in back]
    if lost:
        return Finding("tags", "failed", f"{', '.join(lost)} do not survive the tokenizer", do)
    single = sorted(tokenizer.get_added_vocab().keys() & set(written))
    return Finding("tags", "ok", f"plain text{', each one token: ' + ', '.join(single) if single else ''}")
