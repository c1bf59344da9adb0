"""Pocket's tokenizer: byte-level BPE whose pieces are whole words, tags, operators and numbers up to 999.

Any text survives a round trip (bytes are the fallback); the usual text of a trace costs a token a word.
Numbers of up to three digits are one token, as in Llama 3; tags are plain text, never special tokens.
"""

from itertools import islice
from random import Random
from typing import TYPE_CHECKING

from skillfactory_pocket.corpus import LARGEST_VALUE, TAG_NAMES, WORDS, documents

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

END, USER, ASSISTANT, SYSTEM = "<|end|>", "<|user|>", "<|assistant|>", "<|system|>"
PIECES = r"</?[a-z_]+>\n?|[0-9]{1,3}| ?[A-Za-z]+ ?|[()]| ?[^\s\w()<] ?\n?|\s+|."
CHAT_TEMPLATE = (
    "{% for message in messages %}<|{{ message.role }}|>{{ message.content }}"
    "{% if message.role == 'assistant' %}<|end|>{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


def build_tokenizer(documents_read: int = 20_000, size: int = 1408) -> "PreTrainedTokenizerFast":
    """Learn the pieces from the corpus; the same corpus gives the same tokenizer."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PIECES), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    random = Random(0)
    texts = [text for d in islice(documents(0), documents_read) for text in (d.prompt, d.completion)]
    # Every whole piece often enough to be learned before any rare one.
    whole = [str(n) for n in range(LARGEST_VALUE + 1)] + [f"<{t}>" for t in TAG_NAMES] + [f"</{t}>" for t in TAG_NAMES]
    texts += [" ".join(random.sample(WORDS, len(WORDS))) for _ in range(200)] + [
        w.capitalize() + " " for w in WORDS
    ] * 60
    texts += whole * 200
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=[END, USER, ASSISTANT, SYSTEM],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token=END,
        pad_token=END,
        chat_template=CHAT_TEMPLATE,
        clean_up_tokenization_spaces=False,
        model_max_length=2048,
    )
