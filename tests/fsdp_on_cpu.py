"""A one-file plugin for tests: FSDP2 with processes on the CPU, which torch can do and accelerate does not offer."""

from typing import Any

import torch.distributed
from accelerate.state import DistributedType, PartialState

begin, barrier = PartialState.__init__, torch.distributed.barrier


def pretend(self: PartialState, *args: Any, **options: Any) -> None:
    """Only processes on accelerators may have their weights in shards."""
    begin(self, *args, **options)
    if self.distributed_type == DistributedType.MULTI_CPU:
        self.distributed_type = DistributedType.MULTI_GPU


def barrier_on_cpu(*args: Any, device_ids: Any = None, **options: Any) -> Any:
    """Processes on the CPU have no device to name."""
    return barrier(*args, **options)


PartialState.__init__ = pretend
torch.distributed.barrier = barrier_on_cpu
