"""Which utterances a step is made of, and with which random numbers: a pure function of the seed and the step.

So validation changes nothing, worker processes change nothing, and a run that goes on from a checkpoint makes the steps that
it would have made.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_STEP, _ITEM, _EPOCH = 1, 2, 3


def seed_step(seed: int, step: int, rank: int) -> None:
    """Begin the random numbers of a step of one process, in Python, NumPy and torch."""
    value = _mixed(seed, _STEP, step, rank)
    _seed(value)
    if torch.cuda.is_initialized():
        torch.cuda.manual_seed_all(value)


def _mixed(*numbers: int) -> int:
    return int(np.random.SeedSequence(numbers).generate_state(1)[0])


def _seed(value: int) -> None:
    random.seed(value)
    np.random.seed(value)  # noqa: NPY002 - the generator that NeMo's data sets draw from
    torch.default_generator.manual_seed(value)  # torch.manual_seed takes 0.7 ms, to ask for every kind of device


class Batches:
    """The batches of one process, each a list of steps with the index of an utterance.

    Args:
        size: utterances of one process in one step.
        count: utterances of the data set.
        seed: of the order.
        done: steps that are done when an epoch begins.
        rank: of this process, of how many.
        world: processes.
    """

    def __init__(self, size: int, count: int, seed: int, done: Callable[[], int], *, rank: int, world: int) -> None:
        self._size, self._count, self._seed, self._done = size, count, seed, done
        self._rank, self._world = rank, world
        self.epoch_steps = count // (size * world)  # what is left over of an epoch is left out

    def __len__(self) -> int:
        return self.epoch_steps

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        first = self._done()
        for step in range(first, (first // self.epoch_steps + 1) * self.epoch_steps):
            yield [(step, index) for index in self._indices(step)]

    def _indices(self, step: int) -> list[int]:
        epoch, place = divmod(step, self.epoch_steps)
        order = np.random.default_rng((self._seed, _EPOCH, epoch)).permutation(self._count)
        begin = (place * self._world + self._rank) * self._size
        return [int(index) for index in order[begin : begin + self._size]]


class Seeded(torch.utils.data.Dataset):  # type: ignore[misc]  # torch is not there where types are checked
    """A data set whose items are drawn with random numbers of their own."""

    def __init__(self, dataset: Any, seed: int) -> None:
        self._dataset, self._seed = dataset, seed

    def __getitem__(self, drawn: tuple[int, int]) -> Any:
        _seed(_mixed(self._seed, _ITEM, *drawn))
        return self._dataset[drawn[1]]
