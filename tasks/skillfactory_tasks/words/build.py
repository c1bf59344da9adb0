"""Makes the word list from Debian's `scowl` package: `apt-get install scowl; python build.py`.

Takes the plain word classes of each spelling: no names, abbreviations or contractions, and only words of the
letters a to z. The common words come first, then the others, each in alphabetical order, with one empty line
between. Prints the SHA-256 that belongs into dictionary.py.
"""

import gzip
import re
from hashlib import sha256
from pathlib import Path

SOURCE = Path("/usr/share/dict/scowl")
SPELLINGS = ("english", "american", "british", "british_z", "canadian", "australian")
WORD = re.compile("[a-z]+")
COMMON_SIZE = 50
"problems are made from words up to this SCOWL size"
ACCEPTED_SIZE = 70
"answers may be words up to this SCOWL size"


def words_up_to(size: int) -> set[str]:
    files = [path for spelling in SPELLINGS for path in SOURCE.glob(f"{spelling}-words.*")]
    chosen = [path for path in files if int(path.suffix[1:]) <= size]
    return {word for path in chosen for word in path.read_text("latin-1").split() if WORD.fullmatch(word)}


def main() -> None:
    common, accepted = words_up_to(COMMON_SIZE), words_up_to(ACCEPTED_SIZE)
    text = "\n\n".join("\n".join(sorted(part)) for part in (common, accepted - common)).encode()
    folder = Path(__file__).parent
    (folder / "words.txt.gz").write_bytes(gzip.compress(text, 9, mtime=0))
    (folder / "NOTICE").write_bytes(Path("/usr/share/doc/scowl/copyright").read_bytes())
    print(f"{len(common)} common words of {len(accepted)}; SHA-256 {sha256(text).hexdigest()}")


if __name__ == "__main__":
    main()
