"""Every place of a document of plain values, for tests that change one."""

from __future__ import annotations

from typing import Any, TypeAlias

Place: TypeAlias = tuple[str | int, ...]


def places(value: Any, path: Place = ()) -> list[Place]:
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *[inner for key, member in members for inner in places(member, (*path, key))]]


def at(document: Any, path: Place) -> Any:
    for step in path:
        document = document[step]
    return document
