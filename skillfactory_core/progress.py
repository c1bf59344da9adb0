"""Progress: a bar with rate and time left on a terminal, plain lines elsewhere."""

import sys
import time
from types import TracebackType
from typing import Any, Self

LINE_EVERY = 10.0
"seconds between plain lines"


class Progress:
    """How far one stage is."""

    def __init__(self, title: str, total: int, unit: str, done: int = 0) -> None:
        self.title, self.total, self.unit = title, total, unit
        self.done = self.at_start = done
        self.note = ""
        self.start = time.monotonic()
        self.last_line = self.start
        self.bar: Any = None

    def __enter__(self) -> Self:
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
            from rich.progress import Progress as Bar

            self.bar = Bar(
                TextColumn("{task.description:<22}"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[rate]}"),
                TimeRemainingColumn(),
                TextColumn("{task.fields[note]}"),
                console=Console(stderr=True),
            )
            self.bar.start()
            self.id = self.bar.add_task(self.title, total=self.total, completed=self.done, rate="", note="")
        return self

    def advance(self, count: int = 1, note: str = "") -> None:
        """`count` more units are done."""
        self.done += count
        self.note = note or self.note
        if self.bar is not None:
            self.bar.update(self.id, completed=self.done, rate=self.rate(), note=self.note)
        elif time.monotonic() - self.last_line >= LINE_EVERY:
            self.last_line = time.monotonic()
            self.line()

    def rate(self) -> str:
        seconds = max(1e-9, time.monotonic() - self.start)
        rate = (self.done - self.at_start) / seconds
        return f"{rate:,.0f} {self.unit}/s" if rate >= 10 else f"{rate:.2f} {self.unit}/s"

    def line(self) -> None:
        fresh = self.done - self.at_start
        seconds = time.monotonic() - self.start
        left = f", {seconds / fresh * (self.total - self.done):.0f} s left" if fresh else ""
        note = f", {self.note}" if self.note else ""
        print(
            f"{self.title}: {self.done:,}/{self.total:,} {self.unit}, {self.rate()}{left}{note}",
            file=sys.stderr,
            flush=True,
        )

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.bar is not None:
            self.bar.stop()
        elif kind is None:
            self.line()
