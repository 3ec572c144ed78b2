"""The stack and the memo of an unpickler, with inert stand-ins for what it would import, call and build.

Rules kept here:

- No module is imported, no callable called, no attribute looked up.
- What an unpickler could not do, and what nobody can know before it runs, is a fault.
- Names and numbers are bounded.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeGuard

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

MAX_GLOBALS: Final = 1_000
"""Different globals of one pickle: a state dict names less than 20."""

MAX_INTEGER_BITS: Final = 128
"""Bits of a number that is kept: the longest in a checkpoint is torch's magic number of 77."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*")
_MAX_NAME_LENGTH = 256
_HIGHEST_PROTOCOL = 5


class Global(NamedTuple):
    """A name that an unpickler would import."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


_UNTOLD: Final = Global("", "")


class Stored(NamedTuple):
    """What stands outside of the pickle, by its persistent id."""

    identifier: object


@dataclass(slots=True, eq=False)
class Built:
    """What an unpickler would build.

    Attributes:
        by: the global that is called; the kind of container for those that have opcodes of their own.
        arguments: what it is called with; for a container what it begins with.
        parts: what is put in later: items, or keys and values in turn.
    """

    by: Global | str
    arguments: object = ()
    parts: list[object] | None = None

    def put(self, parts: list[object]) -> None:
        """Put more in."""
        if self.parts is None:
            self.parts = parts
        else:
            self.parts += parts


class _Unknown:
    """A value that is of no interest."""


UNKNOWN: Final = _Unknown()


class _Fault(Exception):  # noqa: N818 - it tells what the pickle does, and nobody outside ever sees it
    """The walk cannot go on; the text says in the words of a message why."""


class Bound(_Fault):
    """It could go on, but it would take too long; raised by who gives the opcodes."""


@dataclass(slots=True, kw_only=True)
class PickleWalk:
    """What one walk found.

    Attributes:
        globals: the names, in the order of the stream.
        calls: every call, in the order of the stream.
        states: what is given a state, and which, in the order of the stream.
        stored: the persistent ids, in the order of the stream.
        value: what would be built; `UNKNOWN` where the walk ended before the pickle.
        end: how many bytes were taken.
        fault: what the walk could not follow; None where it followed everything.
        is_bounded: whether it is a bound that ended the walk, and not the bytes.
    """

    globals: dict[Global, None] = field(default_factory=dict)
    calls: list[Built] = field(default_factory=list)
    states: list[tuple[Built, object]] = field(default_factory=list)
    stored: list[Stored] = field(default_factory=list)
    value: object = UNKNOWN
    end: int = 0
    fault: str | None = None
    is_bounded: bool = False

    def is_whole(self, size: int) -> bool:
        """Whether the pickle was followed to its end, which is that of a file of this size."""
        return self.fault is None and self.end == size


def follow(opcodes: Iterable[tuple[str, Any]]) -> PickleWalk:
    """Do what the opcodes, each with its argument, would have an unpickler do; ``end`` is left to who knows it."""
    machine = _Machine()
    walk = machine.walk
    fault = None
    try:
        for opcode, argument in opcodes:
            _STEPS[opcode](machine, argument)
        walk.value = machine.stack.pop()
    except _Fault as reason:
        fault = str(reason)
        walk.is_bounded = isinstance(reason, Bound)
    except (ValueError, OverflowError):
        fault = "breaks off, or has bytes that are no opcode"
    except (IndexError, KeyError):
        fault = "takes from its stack or memo what was never put there"
    walk.fault = walk.fault or fault
    return walk


def _is_plain(name: object) -> TypeGuard[str]:
    return isinstance(name, str) and len(name) <= _MAX_NAME_LENGTH and _NAME.fullmatch(name) is not None


class _Machine:
    __slots__ = ("memo", "outer", "stack", "walk")

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.outer: list[list[Any]] = []
        self.memo: dict[int, Any] = {}
        self.walk = PickleWalk()

    def push(self, value: object) -> None:
        self.stack.append(value)

    def push_number(self, value: int) -> None:
        self.stack.append(value if value.bit_length() <= MAX_INTEGER_BITS else UNKNOWN)

    def nothing(self, _: object) -> None:
        pass

    def mark(self, _: object) -> None:
        self.outer.append(self.stack)
        self.stack = []

    def since_mark(self) -> list[Any]:
        items = self.stack
        self.stack = self.outer.pop()
        return items

    def pop(self, _: object) -> None:
        if self.stack:
            del self.stack[-1]
        else:
            self.since_mark()

    def pop_mark(self, _: object) -> None:
        self.since_mark()

    def name(self, module: object, name: object) -> None:
        # What follows is walked through all the same, since it says whether the name is called.
        named = _UNTOLD
        if _is_plain(module) and _is_plain(name):
            named = Global(module, name)
            self.walk.globals[named] = None
        else:
            self.walk.fault = "names a global by what is no plain module and name"
        if len(self.walk.globals) > MAX_GLOBALS:
            raise Bound(f"names more than {MAX_GLOBALS} globals")
        self.stack.append(named)

    def name_in_stream(self, both: tuple[str, str]) -> None:
        self.name(*both)

    def name_on_stack(self, _: object) -> None:
        name, module = self.stack.pop(), self.stack.pop()
        self.name(module, name)

    def call(self, function: object, arguments: object) -> None:
        if not isinstance(function, Global):
            raise _Fault("calls what it has built")
        built = Built(function, arguments)
        self.walk.calls.append(built)
        self.stack.append(built)

    def reduce(self, _: object) -> None:
        arguments, function = self.stack.pop(), self.stack.pop()
        self.call(function, arguments)

    def instance_in_stream(self, both: tuple[str, str]) -> None:
        arguments = self.since_mark()
        self.name_in_stream(both)
        self.call(self.stack.pop(), tuple(arguments))

    def instance_on_stack(self, _: object) -> None:
        function, *arguments = self.since_mark() or [None]
        self.call(function, tuple(arguments))

    def new_with_keywords(self, _: object) -> None:
        keywords, arguments, function = self.stack.pop(), self.stack.pop(), self.stack.pop()
        self.call(function, (arguments, keywords))

    def into(self, parts: list[Any]) -> None:
        target = self.stack[-1]
        if not isinstance(target, Built):
            raise _Fault("puts something into what it has not built")
        target.put(parts)

    def take_one(self, _: object) -> None:
        self.into([self.stack.pop()])

    def take_pair(self, _: object) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self.into([key, value])

    def take_all(self, _: object) -> None:
        self.into(self.since_mark())

    def state(self, _: object) -> None:
        state, target = self.stack.pop(), self.stack[-1]
        if not isinstance(target, Built):
            raise _Fault("sets the state of what it has not built")
        self.walk.states.append((target, state))

    def tuple_of(self, count: int) -> None:
        items = tuple(self.stack[-count:])
        if len(items) != count:
            raise IndexError
        del self.stack[-count:]
        self.stack.append(items)

    def container(self, kind: str) -> None:
        items = self.since_mark()
        self.stack.append(Built(kind, (), items))

    def stored(self, identifier: object) -> None:
        found = Stored(identifier)
        self.walk.stored.append(found)
        self.stack.append(found)

    def put(self, index: int) -> None:
        self.memo[index] = self.stack[-1]

    def protocol(self, version: int) -> None:
        if version > _HIGHEST_PROTOCOL:
            raise _Fault(f"is of protocol {version}, and not of {_HIGHEST_PROTOCOL} or less")

    def beyond(self, _: object) -> None:
        raise _Fault("takes values from outside of the stream")


_STEPS: Final[dict[str, Callable[[_Machine, Any], None]]] = {
    "PROTO": _Machine.protocol,
    **dict.fromkeys(("FRAME", "STOP"), _Machine.nothing),
    # values
    **dict.fromkeys(("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4"), _Machine.push_number),
    **dict.fromkeys(("STRING", "BINSTRING", "SHORT_BINSTRING"), _Machine.push),
    **dict.fromkeys(("BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"), _Machine.push),
    **dict.fromkeys(("UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"), _Machine.push),
    **dict.fromkeys(("FLOAT", "BINFLOAT"), _Machine.push),
    "NONE": lambda machine, _: machine.push(None),
    "NEWTRUE": lambda machine, _: machine.push(True),
    "NEWFALSE": lambda machine, _: machine.push(False),
    # containers
    "EMPTY_LIST": lambda machine, _: machine.push(Built("list")),
    "EMPTY_DICT": lambda machine, _: machine.push(Built("dict")),
    "EMPTY_SET": lambda machine, _: machine.push(Built("set")),
    "EMPTY_TUPLE": lambda machine, _: machine.push(()),
    "LIST": lambda machine, _: machine.container("list"),
    "DICT": lambda machine, _: machine.container("dict"),
    "FROZENSET": lambda machine, _: machine.container("frozenset"),
    "TUPLE": lambda machine, _: machine.push(tuple(machine.since_mark())),
    "TUPLE1": lambda machine, _: machine.tuple_of(1),
    "TUPLE2": lambda machine, _: machine.tuple_of(2),
    "TUPLE3": lambda machine, _: machine.tuple_of(3),
    "APPEND": _Machine.take_one,
    "SETITEM": _Machine.take_pair,
    **dict.fromkeys(("APPENDS", "SETITEMS", "ADDITEMS"), _Machine.take_all),
    # stack and memo
    "MARK": _Machine.mark,
    "POP": _Machine.pop,
    "POP_MARK": _Machine.pop_mark,
    "DUP": lambda machine, _: machine.push(machine.stack[-1]),
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), lambda machine, index: machine.push(machine.memo[index])),
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT"), _Machine.put),
    "MEMOIZE": lambda machine, _: machine.put(len(machine.memo)),
    # names, calls and state
    "GLOBAL": _Machine.name_in_stream,
    "STACK_GLOBAL": _Machine.name_on_stack,
    "REDUCE": _Machine.reduce,
    "NEWOBJ": _Machine.reduce,
    "NEWOBJ_EX": _Machine.new_with_keywords,
    "INST": _Machine.instance_in_stream,
    "OBJ": _Machine.instance_on_stack,
    "BUILD": _Machine.state,
    "PERSID": _Machine.stored,
    "BINPERSID": lambda machine, _: machine.stored(machine.stack.pop()),
    # what an extension registry or a caller would have to give
    **dict.fromkeys(("EXT1", "EXT2", "EXT4", "NEXT_BUFFER", "READONLY_BUFFER"), _Machine.beyond),
}
"""What each opcode does; a test holds the names against those of `pickletools`."""
