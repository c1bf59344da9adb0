"""Whether models and datasets can be fetched from the Hub. Told, and no fault: the embedded model needs no network."""

import os
from http.client import HTTPException
from threading import Thread

from skillfactory_core.doctor.finding import Finding

OFFLINE = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_DATASETS_OFFLINE")
YES = ("1", "ON", "YES", "TRUE")
SECONDS = 4.0
"in which it has to answer"
REFUSED = 407
"a proxy wants a password"


def hub() -> Finding:
    said = [name for name in OFFLINE if os.environ.get(name, "").upper() in YES]
    if said:
        what = f"not asked, for {', '.join(said)} is set: only what is in the cache can be used"
        return Finding("hub", "ok", what, f"unset {' '.join(said)} to fetch a model")
    address = os.environ.get("HF_ENDPOINT") or "https://huggingface.co"
    why_not = ask(address, SECONDS)
    if why_not:
        do = (
            "the embedded model needs no network; for others: HTTPS_PROXY or HF_ENDPOINT; with all of them in the cache, "
            "HF_HUB_OFFLINE=1 waits for nothing"
        )
        return Finding("hub", "unsure", f"{address} cannot be reached: {why_not}", do)
    return Finding("hub", "ok", f"{address} can be reached")


def ask(address: str, seconds: float) -> str:
    """Why an address gives no answer; empty where it does. In a thread, for nothing ends a look-up of a name early."""
    said: list[str] = []
    thread = Thread(target=lambda: said.append(answer(address, seconds)), daemon=True)
    thread.start()
    thread.join(seconds)
    return said[0] if said else f"no answer in {seconds:g} s"


def answer(address: str, seconds: float) -> str:
    from urllib.error import HTTPError
    from urllib.request import Request, urlopen

    try:
        with urlopen(Request(address, method="HEAD"), timeout=seconds):
            return ""
    except HTTPError as error:
        return f"it answers {error.code}" if error.code >= 500 or error.code == REFUSED else ""
    except (OSError, ValueError, HTTPException) as error:
        return f"{getattr(error, 'reason', None) or error}".splitlines()[0]
