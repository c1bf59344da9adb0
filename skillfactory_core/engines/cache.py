"""RowLayer: a cache layer of transformers that is allocated ahead and can let go of rows."""

import torch  # noqa: TID253 - this file is imported only where torch is in use
from transformers.cache_utils import DynamicLayer  # noqa: TID253


class RowLayer(DynamicLayer):  # type: ignore[misc]
    """Keys and values of one layer, (rows, heads, width, head size), as views of a larger buffer."""

    is_initialized: bool
    growth = 128
    "tokens of room added when the buffer is full"

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *_: object, **__: object
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Append the states of new tokens and return all so far."""
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
        self.key_room[:, :, self.width : end] = key_states
        self.value_room[:, :, self.width : end] = value_states
        self.width = end
        return self._views()

    def _grow(self, room: torch.Tensor, width: int) -> torch.Tensor:
        rows, heads, _, size = room.shape
        larger = room.new_empty((rows, heads, width + self.growth, size))
        larger[:, :, : self.width] = room[:, :, : self.width]
        return larger

    def _views(self) -> tuple[torch.Tensor, torch.Tensor]:
        self.keys = self.key_room[:, :, : self.width]
        self.values = self.value_room[:, :, : self.width]
        return self.keys, self.values

    def batch_select_indices(self, indices: torch.Tensor) -> None:
        """Keep these rows, in this order."""
        self.key_room = self.key_room[indices]
        self.value_room = self.value_room[indices]
        self._views()
