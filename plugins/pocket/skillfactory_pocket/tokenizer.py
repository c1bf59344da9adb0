"""Pocket's tokenizer: whole words, tags, operators and numbers up to 150, each one token; all else letter by letter.

A larger number is written digit by digit, and a word in capitals letter by letter, so that products can be computed and
words spelled. Any text survives a round trip (bytes are the fallback); tags are plain text, never special tokens.
"""

from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING

from skillfactory_pocket.corpus.arithmetic import LARGEST_VALUE
from skillfactory_pocket.corpus.markup import TAG_NAMES, WORDS
from skillfactory_pocket.corpus.mixture import documents

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

END, USER, ASSISTANT, SYSTEM = "<|end|>", "<|user|>", "<|assistant|>", "<|system|>"
PIECES = r"</?[a-z_]+>\n?|(?<![0-9])[0-9]{1,3}(?![0-9])|[0-9]| ?[A-Z]?[a-z]+ ?|[A-Z]|[()]| ?[^\s\w()<] ?\n?|\s+|."
OFTEN = 25
"a piece that the corpus holds so often is a token"
CHAT_TEMPLATE = (
    "{% for message in messages %}<|{{ message.role }}|>{{ message.content }}"
    "{% if message.role == 'assistant' %}<|end|>{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


def build_tokenizer(documents_read: int = 20_000) -> "PreTrainedTokenizerFast":
    """Take the pieces from the corpus; the same corpus gives the same tokenizer."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    splitter = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PIECES), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )

    def split(text: str) -> list[str]:
        return [piece for piece, _ in splitter.pre_tokenize_str(text)]

    found: Counter[str] = Counter()
    for document in islice(documents(0), documents_read):
        found.update(split(document.prompt) + split(document.completion))
    often = sorted(piece for piece, count in found.items() if count >= OFTEN and not piece.isdigit())
    numbers = [str(number) for number in range(LARGEST_VALUE + 1)]
    tags = [f"<{slash}{name}>{end}" for name in TAG_NAMES for slash in ("", "/") for end in ("", "\n")]
    words = [form for word in WORDS for form in (word, f"{word} ", word.capitalize(), f"{word.capitalize()} ")]
    whole = [piece for text in [*tags, *words] for piece in split(text)]
    pieces = [END, USER, ASSISTANT, SYSTEM, *sorted(pre_tokenizers.ByteLevel.alphabet()), *numbers, *whole, *often]
    vocabulary = {piece: at for at, piece in enumerate(dict.fromkeys(pieces))}
    # A piece of the vocabulary is a token; any other falls to its bytes, for there is nothing to merge.
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[], ignore_merges=True))
    tokenizer.pre_tokenizer = splitter
    tokenizer.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token=END,
        pad_token=END,
        additional_special_tokens=[USER, ASSISTANT, SYSTEM],
        chat_template=CHAT_TEMPLATE,
        clean_up_tokenization_spaces=False,
        model_max_length=2048,
    )
