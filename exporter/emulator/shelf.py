"""Things by id and by group, in the order in which they came."""

from collections.abc import Callable, Iterator, Sequence
from typing import Generic, Protocol, TypeVar


class _Thing(Protocol):
    @property
    def id(self) -> str: ...


T = TypeVar("T", bound=_Thing)


class Shelf(Generic[T]):
    """Kept in order of creation, which is what the listings call `created`.

    Grouping is what makes an account of 2,000 environments answer one of them without walking all.
    """

    def __init__(self, groups: Callable[[T], tuple[str, ...]]) -> None:
        self._groups = groups
        self._items: dict[str, T] = {}
        self._of: dict[str, dict[str, None]] = {}
        self._ids: dict[str, tuple[str, ...]] = {}

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[T]:
        return iter(self._items.values())

    def __contains__(self, id_: str) -> bool:
        return id_ in self._items

    def get(self, id_: str) -> T | None:
        return self._items.get(id_)

    def put(self, item: T) -> T:
        """Adds, or replaces in its place."""
        old = self._items.get(item.id)
        groups = self._groups(item)
        if old is None or self._groups(old) != groups:
            if old is not None:
                self._leave(old)
            for group in groups:
                self._of.setdefault(group, {})[item.id] = None
                self._ids.pop(group, None)
        self._items[item.id] = item
        return item

    def drop(self, id_: str) -> T | None:
        item = self._items.pop(id_, None)
        if item is not None:
            self._leave(item)
        return item

    def ids(self, group: str) -> Sequence[str]:
        if group not in self._ids:
            self._ids[group] = tuple(self._of.get(group, ()))
        return self._ids[group]

    def of(self, group: str) -> list[T]:
        return [self._items[id_] for id_ in self._of.get(group, ())]

    def _leave(self, item: T) -> None:
        for group in self._groups(item):
            self._of[group].pop(item.id, None)
            self._ids.pop(group, None)
