"""RowLayer: a cache layer of transformers that is allocated ahead and whose rows can be put in another order."""

from math import ceil

import torch  # noqa: TID253 - this file is imported only where torch is in use
from transformers.cache_utils import DynamicLayer  # noqa: TID253

SPARE = 1.25
"a buffer that rows are added to is made larger by this"


def reordered(buffer: torch.Tensor, rows: torch.Tensor, moved: torch.Tensor, width: int, axis: int) -> torch.Tensor:
    """The buffer (rows, ...) with row rows[i] at place i: in place where it has room for so many. moved: the places whose row was
    elsewhere; width: how much of `axis` is in use, and worth the copy."""
    used = buffer.narrow(axis, 0, width)
    if len(rows) <= len(buffer):
        used[moved] = used[rows[moved]]
        return buffer
    larger = buffer.new_zeros((ceil(SPARE * len(rows)), *buffer.shape[1:]))
    larger.narrow(axis, 0, width)[: len(rows)] = used[rows]
    return larger


class RowLayer(DynamicLayer):  # type: ignore[misc]
    """Keys and values of one layer, (rows, heads, width, head size), as views of a larger buffer."""

    is_initialized: bool
    growth = 128
    "tokens of room added when the buffer is full"

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *_: object, **__: object
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Append the states of new tokens and return all so far."""
        self.rows = len(key_states)
        if not self.is_initialized:
            self.dtype, self.device = key_states.dtype, key_states.device
            self.width = 0
            self.key_room = key_states[:, :, :0]
            self.value_room = value_states[:, :, :0]
            self.is_initialized = True
        end = self.width + key_states.shape[-2]
        if end > self.key_room.shape[-2]:
            self.key_room = self._grow(self.key_room, end)
            self.value_room = self._grow(self.value_room, end)
        self.key_room[: self.rows, :, self.width : end] = key_states
        self.value_room[: self.rows, :, self.width : end] = value_states
        self.width = end
        return self._views()

    def _grow(self, room: torch.Tensor, width: int) -> torch.Tensor:
        _, heads, _, size = room.shape
        larger = room.new_empty((self.rows, heads, width + self.growth, size))
        larger[:, :, : self.width] = room[: self.rows, :, : self.width]
        return larger

    def _views(self) -> tuple[torch.Tensor, torch.Tensor]:
        self.keys = self.key_room[: self.rows, :, : self.width]
        self.values = self.value_room[: self.rows, :, : self.width]
        return self.keys, self.values

    def reorder(self, rows: torch.Tensor, moved: torch.Tensor) -> None:
        """These rows, in this order; moved: the places whose row was elsewhere."""
        self.rows = len(rows)
        self.key_room = reordered(self.key_room, rows, moved, self.width, 2)
        self.value_room = reordered(self.value_room, rows, moved, self.width, 2)
        self._views()
