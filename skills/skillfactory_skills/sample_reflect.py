"""The paper's tags: <think>, <sample>, <reflect>, <verdict>, <answer>."""

from skillfactory_core import hookimpl
from skillfactory_core.tags import TagFormat

SAMPLE_REFLECT = TagFormat(
    name="sample-reflect",
    summary="the paper's tags: think, sample, reflect, verdict, answer",
    think="think",
    attempt="sample",
    reflection="reflect",
    verdict="verdict",
    answer="answer",
    correct="Correct",
    incorrect="Incorrect",
    again="Not so fast. Once more, in another way, and then the answer again.",
)


@hookimpl
def register_tag_formats() -> list[TagFormat]:
    return [SAMPLE_REFLECT]
