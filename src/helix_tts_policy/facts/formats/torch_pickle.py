"""Tensors in a pickle: what torch's own pickles say of each, held against the storages that lie beside the pickle."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, TypeGuard

from helix_tts_policy.facts.formats.inspected import Tensor, malformed
from helix_tts_policy.facts.formats.pickle_machine import Built, Global, PickleWalk, Stored

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_NESTING: Final = 16
"""Containers within containers in which tensors are looked for; a training checkpoint has them in the second or third."""

MAX_DIMENSIONS: Final = 64
"""Dimensions of a tensor: torch has no more. One tuple of a million could be meant by a hundred thousand tensors."""

MAX_KEY: Final = 256
"""Characters of a key: the longest names of parameters have about 150. Longer ones are cut, for the same reason."""

MAX_NAMES: Final = 16 * 1024 * 1024
"""Characters of all names of tensors together: no fewer than a pickle has bytes."""

STORAGES: Final[dict[str, tuple[str, int]]] = {
    "torch.DoubleStorage": ("float64", 8),
    "torch.FloatStorage": ("float32", 4),
    "torch.HalfStorage": ("float16", 2),
    "torch.BFloat16Storage": ("bfloat16", 2),
    "torch.LongStorage": ("int64", 8),
    "torch.IntStorage": ("int32", 4),
    "torch.ShortStorage": ("int16", 2),
    "torch.CharStorage": ("int8", 1),
    "torch.ByteStorage": ("uint8", 1),
    "torch.BoolStorage": ("bool", 1),
    "torch.ComplexDoubleStorage": ("complex128", 16),
    "torch.ComplexFloatStorage": ("complex64", 8),
    "torch.QInt8Storage": ("qint8", 1),
    "torch.QUInt8Storage": ("quint8", 1),
    "torch.QInt32Storage": ("qint32", 4),
    "torch.storage.UntypedStorage": ("uint8", 1),
}
"""The storages of torch.serialization: what one element is, and its bytes."""

DTYPES: Final[dict[str, int]] = {
    "torch.uint16": 2,
    "torch.uint32": 4,
    "torch.uint64": 8,
    "torch.float8_e4m3fn": 1,
    "torch.float8_e4m3fnuz": 1,
    "torch.float8_e5m2": 1,
    "torch.float8_e5m2fnuz": 1,
    "torch.float8_e8m0fnu": 1,
}
"""The types without a storage of their own, which ``_rebuild_tensor_v3`` names, and the bytes of one element."""

_REBUILD = frozenset(
    {"torch._utils._rebuild_tensor", "torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_qtensor"}
)
_REBUILD_TYPED = "torch._utils._rebuild_tensor_v3"
_REBUILD_PARAMETER = "torch._utils._rebuild_parameter"
_MAPPINGS = frozenset({"dict", "collections.OrderedDict"})
LOAD_FROM_BYTES: Final = "torch.storage._load_from_bytes"
_ENCODE = "_codecs.encode"
_METADATA: Final = "_metadata"
_FIELDS = slice(2, 5)
"""Where the state of a ``numpy.dtype`` has an array within, the names of fields, and where these lie."""


class Storage(NamedTuple):
    """A storage that a pickle refers to: its key, what one element is, the bytes of one and the number of elements."""

    key: str
    dtype: str
    item: int
    elements: int


def storage_of(stored: Stored) -> Storage | None:
    """The storage that a persistent id means; None where it means no storage of a known kind.

    The id is the tuple that ``torch.save`` writes: ``("storage", kind, key, location, elements)``, in the older form
    with a view behind.
    """
    parts = stored.identifier
    if not isinstance(parts, tuple) or len(parts) not in {5, 6}:
        return None
    tag, kind, key, _, count = parts[:5]
    known = STORAGES.get(str(kind)) if isinstance(kind, Global) else None
    if tag != "storage" or known is None or not _is_count(count):
        return None
    if not isinstance(key, str) or len(key) > MAX_KEY:
        return None
    return Storage(key, known[0], known[1], count)


def tensors_of(walk: PickleWalk) -> tuple[Tensor, ...]:
    """Every tensor that the pickle would build, under the keys that lead to it, with ``/`` between nested ones.

    Raises:
        Flawed: their names are longer than the pickle, which means the same tensors again and again.
    """
    found: list[Tensor] = []
    length = 0
    pending: list[tuple[tuple[str, ...], object]] = [((), walk.value)]
    seen: set[int] = set()
    while pending:
        path, value = pending.pop()
        if isinstance(value, Built) and str(value.by) == _REBUILD_PARAMETER and value.arguments:
            value = _first(value.arguments)
        if isinstance(value, Built) and (layout := _layout(value)) is not None:
            found.append(Tensor("/".join(path), layout.dtype, layout.shape))
            length += len(found[-1].name)
            if length > MAX_NAMES:
                raise malformed(f"has names of tensors of more than {MAX_NAMES} characters")
        elif isinstance(value, Built | tuple) and len(path) < MAX_NESTING and id(value) not in seen:
            seen.add(id(value))
            pending += [((*path, key), part) for key, part in reversed(_parts(value))]
    return tuple(found)


def check_layouts(walk: PickleWalk) -> None:
    """Do nothing where every tensor lies within its storage.

    Raises:
        Flawed: one does not.
    """
    for built in walk.calls:
        layout = _layout(built)
        if layout is None or 0 in layout.shape:
            continue
        last = layout.offset + sum(
            (size - 1) * stride for size, stride in zip(layout.shape, layout.strides, strict=True)
        )
        if last >= layout.elements:
            raise malformed(f"has a tensor that needs {last + 1} elements of a storage of {layout.elements}")


def bytes_within(walk: PickleWalk) -> tuple[bytes | None, ...]:
    """What the calls of ``_load_from_bytes`` would load, once each; None where that cannot be known beforehand."""
    found: dict[int, bytes | None] = {}
    for built in walk.calls:
        if str(built.by) == LOAD_FROM_BYTES:
            value = _first(built.arguments)
            if isinstance(value, Built) and str(value.by) == _ENCODE:
                # How protocols without bytes write them. One text may be meant a hundred thousand times.
                match value.arguments:
                    case (text, "latin1" | "latin-1"):
                        value = text
            if id(value) not in found:
                found[id(value)] = _literal(value)
    return tuple(found.values())


def odd_state(walk: PickleWalk) -> str | None:
    """The first state that no tensor has, in the words of a message; None where every state is one of a tensor.

    An unpickler looks up ``append``, ``extend``, ``add`` and ``__setstate__`` on what it has built, and calls what it finds.
    So an attribute is a call that is written nowhere, with any argument.
    """
    for built, state in walk.states:
        fits = _STATES.get(str(built.by))
        if fits is None or not fits(state):
            return f"sets a state of {built.by} that no tensor has"
    return None


def _is_metadata(state: object) -> bool:
    """Whether it is the one attribute that a state dict has, as a mapping that was filled and not called into being."""
    if not isinstance(state, Built) or state.by != "dict":
        return False
    return all(key == _METADATA for key in (state.parts or ())[::2])


def _is_plain_type(state: object) -> bool:
    """Whether it is the state of a type without fields: what those lie over, numpy takes from the pickle."""
    return isinstance(state, tuple) and all(part is None for part in state[_FIELDS])


def _is_array(state: object) -> bool:
    return isinstance(state, tuple)


_STATES: Final[dict[str, Callable[[object], bool]]] = {
    "collections.OrderedDict": _is_metadata,
    "numpy.dtype": _is_plain_type,
    "numpy.core.multiarray._reconstruct": _is_array,
    "numpy._core.multiarray._reconstruct": _is_array,
}
"""What has a state in a pickle of tensors, and whether one is of that kind."""


class _Layout(NamedTuple):
    dtype: str
    elements: int
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def _layout(built: Built) -> _Layout | None:
    """What a call of torch's own builders says; None for every other call, and for arguments they would refuse."""
    name, arguments = str(built.by), built.arguments
    if name not in _REBUILD | {_REBUILD_TYPED} or not isinstance(arguments, tuple) or len(arguments) < 4:
        return None
    stored, offset, shape, strides = arguments[:4]
    storage = storage_of(stored) if isinstance(stored, Stored) else None
    if storage is None or not _is_count(offset) or not (_are_counts(shape) and _are_counts(strides)):
        return None
    if len(shape) != len(strides):
        return None
    if name != _REBUILD_TYPED:
        return _Layout(storage.dtype, storage.elements, offset, shape, strides)
    dtype = str(arguments[6]) if len(arguments) > 6 and isinstance(arguments[6], Global) else ""
    if dtype not in DTYPES:
        return None
    return _Layout(dtype.removeprefix("torch."), storage.elements // DTYPES[dtype], offset, shape, strides)


def _parts(value: Built | tuple[object, ...]) -> list[tuple[str, object]]:
    """What a container holds under plain keys; nothing for what is no container."""
    parts = value if isinstance(value, tuple) else value.parts or ()
    if isinstance(value, Built) and str(value.by) in _MAPPINGS:
        pairs = zip(parts[::2], parts[1::2], strict=False)
        return [(_plain(key), part) for key, part in pairs if isinstance(key, str | int)]
    if isinstance(value, tuple) or value.by == "list":
        return [(str(index), part) for index, part in enumerate(parts)]
    return []


def _plain(key: str | int) -> str:
    text = str(key)
    text = text if len(text) <= MAX_KEY else f"{text[:MAX_KEY]}…"
    return text.encode(errors="backslashreplace").decode()  # a pickle can hold half of a surrogate pair


def _first(arguments: object) -> object:
    return arguments[0] if isinstance(arguments, tuple) and arguments else None


def _literal(value: object) -> bytes | None:
    if isinstance(value, str):
        return value.encode("latin-1") if max(value, default="") <= "\xff" else None
    return bytes(value) if isinstance(value, bytes | bytearray) else None


def _is_count(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _are_counts(values: object) -> TypeGuard[tuple[int, ...]]:
    return isinstance(values, tuple) and len(values) <= MAX_DIMENSIONS and all(_is_count(value) for value in values)
