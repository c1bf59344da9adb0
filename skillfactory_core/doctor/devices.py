"""What this machine computes with: cores, memory, GPUs."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from shutil import which
from typing import Any

from skillfactory_core.doctor.finding import Finding

GB = 1e9
HALF = 8
"compute capability from which an NVIDIA GPU computes in bfloat16 by itself"
LIMIT = Path("/sys/fs/cgroup/memory.max")
"how much memory a container may take"


def devices() -> Iterator[Finding]:
    yield processor()
    try:
        import torch
    except Exception as error:  # noqa: BLE001 - a torch that is broken raises whatever it likes
        what = f"torch cannot be imported: {type(error).__name__}: {error}".splitlines()[0]
        yield Finding("torch", "failed", what, "install it again: pip install --force-reinstall torch")
        return
    yield from gpus(torch)


def processor() -> Finding:
    """Cores and memory that this process may use."""
    cores, all_cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None, os.cpu_count()
    of = f"{cores} of {all_cores}" if cores not in (None, all_cores) else f"{all_cores}"
    return Finding("processor", "ok", f"{of} cores, {memory() / GB:.1f} GB of memory")


def memory() -> int:
    """Bytes: the machine's, or the container's."""
    there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    with suppress(OSError, ValueError):
        there = min(there, int(LIMIT.read_text()))
    return there


def gpus(torch: Any) -> Iterator[Finding]:
    """Each GPU that torch can use, or why there is none."""
    if torch.cuda.is_available():
        for number in range(torch.cuda.device_count()):
            yield gpu(torch, number)
    elif which("nvidia-smi"):
        what = f"there is an NVIDIA GPU, and torch {torch.__version__} cannot use it"
        do = "install a torch that fits its driver: https://pytorch.org/get-started/locally"
        yield Finding("gpu", "unsure", what, do)
    elif torch.backends.mps.is_available():
        what = "Apple's (MPS), which is not used: work is done on the CPU"
        yield Finding("gpu", "ok", what, "a server on this machine may use it: --engine openai")
    else:
        yield Finding("gpu", "ok", "none: work is done on the CPU; the embedded model needs no more")


def gpu(torch: Any, number: int) -> Finding:
    name = torch.cuda.get_device_name(number)
    try:
        free, total = torch.cuda.mem_get_info(number)
    except RuntimeError as error:
        what = f"{name}: {error}".splitlines()[0]
        return Finding(
            f"gpu {number}", "failed", what, f"free it, or leave it out: CUDA_VISIBLE_DEVICES without {number}"
        )
    told = f"{name}, {total / GB:.1f} GB, of which {free / GB:.1f} free"
    if torch.cuda.get_device_capability(number)[0] < HALF:
        do = "expect it to be slow: bfloat16, in which models are held, is emulated"
        return Finding(f"gpu {number}", "unsure", f"{told}, no bfloat16", do)
    return Finding(f"gpu {number}", "ok", f"{told}, bfloat16")
