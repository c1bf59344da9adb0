"""Take an answer out of what models wrap it in: bold, quotes, dollar signs, a box, a full stop at the end."""

import re
from collections.abc import Sequence

Pair = tuple[str, str]

QUOTES: tuple[Pair, ...] = (('"', '"'), ("'", "'"), ("“", "”"), ("‘", "’"), ("`", "`"))
BOLD: tuple[Pair, ...] = (("**", "**"),)
DOLLARS: tuple[Pair, ...] = (("$", "$"), (r"\(", r"\)"), (r"\[", r"\]"))
BOX: tuple[Pair, ...] = ((r"\boxed{", "}"),)
TEXT: tuple[Pair, ...] = ((r"\text{", "}"), (r"\textbf{", "}"), (r"\mathrm{", "}"), (r"\mathbf{", "}"))
PARENTHESES: tuple[Pair, ...] = (("(", ")"),)
LEAD = re.compile(
    r"(?:(?:so|thus|therefore|hence),?\s+)?(?:the\s+)?(?:(?:correct|right|best|final)\s+)?(?:answer|option|choice)\b"
    r"(?:\s+is\b)?\s*:?\s*(?:(?:option|choice)\s+)?",
    re.IGNORECASE | re.ASCII,
)
"'The correct answer is option '"
LAYERS = 12
"wrappings around one another that are taken off; what is then left is for the grader to refuse"


def unwrap(text: str, pairs: Sequence[Pair]) -> str:
    """The text without the pairs around all of it, white space, and one full stop.

    Whether two ends belong together is not looked into: `**1** or **2**` loses its outer stars, and what is left
    is no answer for any grader.
    """
    stops = 1
    for _ in range(LAYERS):
        text = text.strip()
        if stops and text.endswith("."):
            text, stops = text[:-1], 0
            continue
        for opening, closing in pairs:
            if len(text) >= len(opening) + len(closing) and text.startswith(opening) and text.endswith(closing):
                text = text[len(opening) : -len(closing)]
                break
        else:
            break
    return text
