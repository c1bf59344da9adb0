"""Precision: the numbers in which a model computes, float32 or bfloat16."""

from contextlib import AbstractContextManager, nullcontext

from skillfactory_core.errors import SkillFactoryError

DTYPES = ("float32", "bfloat16")


def check_dtype(who: str, dtype: str) -> str:
    """The name, or an error that says which there are. Empty: bfloat16 on a GPU, float32 without one."""
    if dtype not in ("", *DTYPES):
        raise SkillFactoryError(f"{who}: dtype = {dtype!r}: choose {' or '.join(DTYPES)}")
    return dtype


def in_bfloat16(dtype: str, device: str) -> bool:
    """Whether a model computes in bfloat16 there."""
    return (dtype or ("float32" if device == "cpu" else "bfloat16")) == "bfloat16"


def mixed(dtype: str, device: str) -> AbstractContextManager[object]:
    """On a CPU in bfloat16: weights and sums stay in 32 bits, and what is multiplied is rounded. Elsewhere nothing changes."""
    import torch

    return torch.autocast("cpu", torch.bfloat16) if device == "cpu" and in_bfloat16(dtype, device) else nullcontext()
