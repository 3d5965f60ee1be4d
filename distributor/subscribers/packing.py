"""Keep the rows and changes of a large list file in little memory: values enter, the same values leave.

Pure. A value costs several hundred bytes as Python objects and some sixty packed; a hundred thousand of them stand
in memory while a file is compared and applied, so they are kept packed and unpacked a thousand at a time.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Any, Generic, TypeVar, overload

Value = TypeVar("Value")

BLOCK = 1_000


class Packed(Sequence[Value], Generic[Value]):
    """A sequence of equal kind; equal to any sequence of the same values.

    `to_cells` names what JSON can hold of a value, `from_cells` makes the value of it again.
    """

    def __init__(self, to_cells: Callable[[Value], Sequence[object]], from_cells: Callable[[Any], Value]) -> None:
        self._to_cells = to_cells
        self._from_cells = from_cells
        self._blocks: list[bytes] = []
        self._length = 0

    def extend(self, values: Iterable[Value]) -> None:
        """Add values at the end; an iterator is never held as a whole."""
        cells = map(self._to_cells, values)
        while block := list(islice(cells, BLOCK)):
            self._blocks.append(json.dumps(block, ensure_ascii=False, separators=(",", ":")).encode())
            self._length += len(block)

    def blocks(self) -> Iterator[list[Value]]:
        """Yield the values in order, at most `BLOCK` at a time."""
        for block in self._blocks:
            yield list(map(self._from_cells, json.loads(block)))

    def __iter__(self) -> Iterator[Value]:
        """Yield the values in order."""
        return chain.from_iterable(self.blocks())

    def __len__(self) -> int:
        """Return how many values there are."""
        return self._length

    @overload
    def __getitem__(self, index: int) -> Value: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Value, ...]: ...
    def __getitem__(self, index: int | slice) -> Value | tuple[Value, ...]:
        """Return one value, or a tuple of some; unpacks everything before it."""
        if isinstance(index, slice):
            return tuple(self)[index]
        position = range(self._length)[index]
        return next(islice(self, position, None))

    def __eq__(self, other: object) -> bool:
        """Compare value by value with any sequence."""
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(mine == theirs for mine, theirs in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]  # two equal ones may differ in kind, and it grows
