"""Files that want to be run, unpacked, followed or waited for: each is refused with its own words, within bounds."""

from __future__ import annotations

import io
import os
import pickle
import stat
import struct
import tarfile
import tracemalloc
import zipfile
import zlib
from collections import OrderedDict
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any
from warnings import catch_warnings

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests import format_examples
from tests import format_files as make

from helix_tts_policy.facts.file_format import FileFormat, inspect_file
from helix_tts_policy.facts.formats import pickle_machine, pickle_stream, tar_listing, zip_listing
from helix_tts_policy.facts.formats.byte_source import Held
from helix_tts_policy.facts.formats.looking_inside import Inspection
from helix_tts_policy.facts.formats.pickle_stream import PickleWalker
from helix_tts_policy.facts.formats.tar_listing import is_tar
from helix_tts_policy.facts.formats.tensor_file import read_safetensors
from helix_tts_policy.rules.format_registry import FORMAT_RULES
from helix_tts_policy.rules.format_subject import FormatSubject
from helix_tts_policy.rules.rule import complaints

if TYPE_CHECKING:
    from collections.abc import Iterator

MIB = 1024 * 1024


def said(data: bytes, name: str) -> list[tuple[str, str]]:
    """What the rules say of bytes under a name."""
    inspected = Inspection().inspect(Held(data), name)
    return [
        (each.rule, each.complaint.message)
        for each in complaints(FORMAT_RULES, FormatSubject(files=(("", inspected),)))
    ]


def rules(data: bytes, name: str) -> set[str]:
    return {rule for rule, _ in said(data, name)}


@contextmanager
def memory(most: int) -> Iterator[None]:
    """Fail where more was held at once than this."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < most
    finally:
        tracemalloc.stop()


# --- pickles that would run something ---------------------------------------------------------------------------------

HIDDEN = {
    "in the stream": make.command(),
    "in the stream, old instance": b"(" + make.text("echo") + b"iposix\nsystem\n",
    "in the stream, old object": b"(" + make.named("posix", "system") + make.text("echo") + b"o",
    "on the stack": make.text("posix") + make.text("system") + b"\x93" + make.text("echo") + b"\x85R",
    "in the memo": (
        make.text("system")
        + b"q\x01"
        + make.text("posix")
        + b"q\x02"
        + b"00"
        + b"h\x02h\x01\x93"
        + make.text("echo")
        + b"\x85R"
    ),
    "in the memo, by its order": make.text("system") + b"\x94" + make.text("posix") + b"\x94" + b"h\x01h\x00\x93)R",
    "in the memo, in words": make.text("posix") + b"p7\n" + b"0g7\n" + make.text("system") + b"\x93)R",
    "twice on the stack": make.text("posix") + b"2" + make.text("system") + b"\x93)R",
    "behind a mark that is dropped": b"("
    + make.text("torch")
    + b"1"
    + make.text("posix")
    + make.text("system")
    + b"\x93)R",
    "behind a mark that is popped": b"(0" + make.text("posix") + make.text("system") + b"\x93)R",
    "without a call": make.named("posix", "system"),
    "as a new object": make.named("posix", "system") + b")\x81",
    "as a new object with keywords": make.named("posix", "system") + b")}\x92",
}


@pytest.mark.parametrize("opcodes", HIDDEN.values(), ids=HIDDEN)
def test_a_command_is_found_wherever_it_is_hidden(opcodes: bytes) -> None:
    message = 'found "posix.system" named by a pickle in "{}"; expected only what a tensor needs'
    state = make.state_dict(w=make.tensor(), x=opcodes)
    bare = make.state_dict(x=opcodes)
    for name, data in (
        ("model.pt", make.torch_zip(state)),
        ("model.pth", make.torch_legacy(state)),
        ("model.pkl", bare),
        ("model.nemo", make.nemo(checkpoint=make.torch_zip(state))),
        ("packed.nemo", make.gzipped(make.nemo(checkpoint=make.torch_zip(state)))),
        ("with-a-table.nemo", make.nemo(**{"./table.txt": bare})),
        ("with-a-checkpoint.nemo", make.nemo(**{"./vocoder": make.torch_zip(state)})),
        ("any.name", make.torch_zip(state)),
        ("objects.npy", make.npy(make.OBJECTS, bare)),
        ("voices.npz", make.zipped({"a.npy": make.npy(), "b.npy": make.npy(make.OBJECTS, bare)})),
        ("packed.pkl.gz", make.gzipped(bare)),
        ("zipped.zip", make.zipped({"a": bare}, method=zipfile.ZIP_DEFLATED)),
        ("loaded.pkl", make.state_dict(x=make.loads(make.torch_zip(state)))),
        ("loaded-twice.pkl", make.state_dict(x=make.loads(make.state_dict(x=make.loads(make.torch_zip(state)))))),
    ):
        assert ("pickle-global-refused", message.format(name)) in said(data, name)


LOADED_AGAIN = make.named("torch.storage", "_load_from_bytes") + b"h\x07R"


def encoded(data: bytes, codec: str = "latin1") -> bytes:
    return make.named("_codecs", "encode") + b"(" + make.text(data.decode("latin-1")) + make.text(codec) + b"tR"


def test_tensors_alone_pass_in_every_form() -> None:
    for name, data in (
        ("model.bin", make.BARE),
        ("voice.npy", make.npy()),
        ("voices.npz", make.zipped({"a.npy": make.npy(), "b.npy": make.npy()}, method=zipfile.ZIP_DEFLATED)),
        ("model.pkl", make.state_dict(x=make.loads(make.torch_zip()))),
        ("model.pkl", make.state_dict(x=make.loads(make.torch_legacy()))),
        ("model.pkl", make.state_dict(x=make.loads(make.torch_zip())[:-1] + b"q\x07R", y=LOADED_AGAIN)),
        (
            "model.pkl",
            make.state_dict(
                x=make.named("torch.storage", "_load_from_bytes") + encoded(make.torch_legacy()) + b"\x85R"
            ),
        ),
        (
            "model.pt",
            make.torch_zip(
                make.state_dict(a=make.tensor("a"), b=make.tensor("b")), {"a": make.WEIGHTS, "b": make.WEIGHTS}
            ),
        ),
    ):
        assert said(data, name) == []


LOAD = make.named("torch.storage", "_load_from_bytes")
PAYLOAD = b"C" + bytes([len(make.command() + b".")]) + make.command() + b"."


def gives(built: bytes, state: bytes) -> bytes:
    """What is built, with a state."""
    return built + state + b"b"


def attribute(name: str, value: bytes) -> bytes:
    return b"}" + make.text(name) + value + b"s"


STATES = {
    # An unpickler calls what it finds under these names, here with a pickle that runs a command.
    "append": gives(make.ORDERED, attribute("append", LOAD)) + PAYLOAD + b"a",
    "append many": gives(make.ORDERED, attribute("append", LOAD)) + b"(" + PAYLOAD + b"e",
    "add": gives(make.ORDERED, attribute("add", LOAD)) + b"(" + PAYLOAD + b"\x90",
    "set the state": gives(gives(make.ORDERED, attribute("__setstate__", LOAD)), PAYLOAD),
    "beside what a state dict has": gives(
        make.ORDERED, b"}(" + make.text("_metadata") + b"}" + make.text("append") + LOAD + b"u"
    ),
    "by slots": gives(make.ORDERED, b"N" + attribute("append", LOAD) + b"\x86"),
    "out of a mapping that is called into being": gives(
        make.ORDERED, make.named("collections", "OrderedDict") + b"](" + make.text("append") + LOAD + b"\x86e\x85R"
    ),
    "out of what is loaded": gives(make.ORDERED, make.loads(make.torch_zip())),
    "of what is loaded": gives(make.loads(make.torch_zip()), attribute("append", LOAD)),
    "of a parameter": gives(make.named("torch._utils", "_rebuild_parameter") + b")R", b")"),
    "of a list": gives(b"]", attribute("append", LOAD)),
    "fields of numpy over anything": gives(
        make.named("numpy", "dtype") + make.text("V8") + b"\x85R",
        b"(K\x03" + make.text("|") + b"N" + make.text("a") + b"\x85" + attribute("a", b"N") + b"K\x08K\x01K\x00t",
    ),
    "a type of numpy by name": gives(make.named("numpy", "dtype") + make.text("V8") + b"\x85R", attribute("a", b"N")),
    "an array of numpy by name": gives(
        make.named("numpy.core.multiarray", "_reconstruct") + b")R", attribute("append", LOAD)
    ),
}


@pytest.mark.parametrize("opcodes", STATES.values(), ids=STATES)
def test_a_state_that_no_tensor_has_is_refused(opcodes: bytes) -> None:
    for name, data in (
        ("model.pkl", make.state_dict(x=opcodes)),
        ("model.pt", make.torch_zip(make.state_dict(w=make.tensor(), x=opcodes))),
        ("model.pth", make.torch_legacy(make.state_dict(w=make.tensor(), x=opcodes))),
    ):
        ((rule, message),) = said(data, name)
        assert rule == "pickle-not-listable"
        assert f'"{name}" holds a pickle that sets a state of ' in message
        assert message.endswith(" that no tensor has; expected those of a state dict and of numpy's arrays alone")


def test_the_state_of_a_state_dict_passes() -> None:
    metadata = attribute("_metadata", make.ORDERED)

    assert said(make.torch_zip(make.state_dict(w=make.tensor(), x=gives(make.ORDERED, metadata))), "model.pt") == []


UNLISTABLE = {
    "a name out of bytes": b"\x80\x04C\x05posixC\x06system\x93)R.",
    "a name out of a call": b"\x80\x04" + encoded(b"posix") + make.text("system") + b"\x93)R.",
    "a name that is no name": b"\x80\x04" + make.text("po six") + make.text("system") + b"\x93)R.",
    "a name with a line break": b"\x80\x04" + make.text("posix\n") + make.text("system") + b"\x93)R.",
    "a name in other letters": b"\x80\x04" + make.text("\uff50osix") + make.text("system") + b"\x93)R.",
    "a name without end": b"\x80\x04" + make.text("a" * 300) + make.text("system") + b"\x93)R.",
    "a name of two words": b"\x80\x02cposix system\nx\n)R.",
    "a name with escapes": b"\x80\x02c\\x74orch\nFloatStorage\n)R.",
    "a name out of an escaped text": b"\x80\x04S'po\\x73ix'\nS'system'\n\x93)R.",
    "a name without a line's end": b"\x80\x02cposix",
    "a text without quotes": b"\x80\x02Sposix\n.",
    "an extension": b"\x80\x02\x82\x01)R.",
    "a wide extension": b"\x80\x02\x84\x01\0\0\0)R.",
    "a buffer from outside": b"\x80\x05\x97.",
    "a protocol of the future": b"\x80\x06N.",
    "a result that is called": b"\x80\x02" + make.ORDERED + b")R.",
    "nothing that is called": b"\x80\x02(o.",
    "an item for a name": b"\x80\x02" + make.named("torch", "FloatStorage") + b"Na.",
    "a state for a name": b"\x80\x02" + make.named("torch", "FloatStorage") + b"}b.",
    "an empty stack": b"\x80\x02R.",
    "a stack that ends empty": b"\x80\x02.",
    "an unknown memo": b"\x80\x02h\x07.",
    "a mark that is missing": b"\x80\x02t.",
    "a triple of two": b"\x80\x02NN\x87.",
    "bytes behind": make.STATE + b"\n",
    "no end": make.STATE[:-1],
    "no opcode": b"\x80\x02\xff.",
    "bytes to load that are made up": make.state_dict(
        x=make.named("torch.storage", "_load_from_bytes") + encoded(b"gAJdLg==", "base64") + b"\x85R"
    ),
    "bytes to load that are wide": make.state_dict(
        x=make.named("torch.storage", "_load_from_bytes")
        + make.named("_codecs", "encode")
        + b"("
        + make.text("\u20ac")
        + make.text("latin1")
        + b"tR\x85R"
    ),
    "bytes to load that are none": make.state_dict(x=make.named("torch.storage", "_load_from_bytes") + b")R"),
    "bytes to load that are no checkpoint": make.state_dict(x=make.loads(b"text")),
    "bytes to load that are a pickle": make.state_dict(x=make.loads(make.STATE)),
}


@pytest.mark.parametrize("data", UNLISTABLE.values(), ids=UNLISTABLE)
def test_what_cannot_be_followed_is_refused(data: bytes) -> None:
    assert "pickle-not-listable" in rules(data, "model.pkl")
    assert "pickle-not-listable" in rules(data, "any.name")


def test_a_pickle_of_the_first_protocols_is_seen_although_it_breaks_off() -> None:
    started = make.command()

    assert rules(started, "README") == {"pickle-global-refused", "pickle-not-listable"}
    assert rules(started + b"\nMore text.\n", "README") == {"pickle-global-refused", "pickle-not-listable"}
    assert rules(b"N0" * 400 + started, "README") == {"pickle-global-refused", "pickle-not-listable"}
    assert rules(make.text("x" * 600) + b"0" + started, "README") == {"pickle-global-refused", "pickle-not-listable"}


def test_safetensors_that_are_a_pickle_as_well_are_a_pickle() -> None:
    # To an unpickler the length of the header is "T" and a number of bytes to skip, which leads into the metadata. There
    # "U~" skips 126 more, again and again, and the last one leads over the end of the header to the tensors.
    length, first, jump = 0x9554, 0x95 - 3, 2 + ord("~")
    tail = b'"},"t":{"dtype":"U8","shape":[200],"data_offsets":[0,200]}}'.ljust(64)
    header = bytearray(b'{"__metadata__":{"a":"'.ljust(length, b"x"))
    header[-64:] = tail
    for place in range(first, length - 64, jump):
        header[place : place + 2] = b"U~"
    at = jump - 64 - 2
    data = b"\0" * at + make.command() + b"."
    whole = struct.pack("<Q", length) + header
    polyglot = whole + data.ljust(200, b"\0")

    assert len(read_safetensors(Held(polyglot))) == 1
    assert "pickle-global-refused" in rules(polyglot, "model.bin")
    assert "pickle-global-refused" in rules(polyglot, "any.name")
    assert "file-format-mismatch" in rules(polyglot, "model.safetensors")
    assert said(whole + bytes(200), "model.safetensors") == []


def test_a_tar_that_is_a_pickle_as_well_is_a_pickle() -> None:
    # The name skips bytes of itself, then 126 more, to the field that says where a link leads, and nothing for a file.
    entry = tarfile.TarInfo("UX" + "x" * ord("X") + "U~")
    entry.linkname = "x" * (90 + 2 + ord("~") - 157) + (make.command() + b".").decode("latin-1")
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        archive.addfile(entry)

    assert is_tar(stream.getvalue())
    assert "pickle-global-refused" in rules(stream.getvalue(), "any.name")


def test_pickles_within_pickles_have_an_end() -> None:
    data = make.torch_zip()
    for _ in range(5):
        data = make.torch_zip(make.state_dict(x=make.loads(data)))

    assert any("lies more than 3 deep in what it is packed in" in message for _, message in said(data, "model.pt"))


def test_the_bounds_of_a_pickle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pickle_stream, "MAX_OPCODES", 100)
    assert "has more than 100 opcodes" in said(b"\x80\x02" + b"N0" * 50 + b"N.", "m.pkl")[0][1]
    assert said(b"\x80\x02" + b"N0" * 40 + b"N.", "m.pkl") == []
    # What lies in one file shares the bound.
    one = make.state_dict(w=make.tensor())
    assert said(make.torch_zip(one), "m.pt") == []
    assert "pickle-not-listable" in rules(make.nemo(**{"./a": one, "./b": one, "./c": one}), "m.nemo")
    monkeypatch.undo()
    monkeypatch.setattr(pickle_machine, "MAX_GLOBALS", 2)
    assert "names more than 2 globals" in said(make.torch_zip(), "m.pt")[0][1]


def test_a_number_of_a_million_digits_is_not_counted_with() -> None:
    wide = b"\x8b" + struct.pack("<L", 500_000) + b"\x7f" * 500_000
    tensor = make.tensor().replace(make.number(6), wide)

    assert rules(make.torch_zip(make.state_dict(w=tensor)), "model.pt") == {"file-malformed"}
    assert rules(make.state_dict(w=b"I" + b"9" * 5000 + b"\n"), "model.pkl") == {"pickle-not-listable"}


class Recorder(pickle._Unpickler):
    """The real thing, in Python, that notes what it is asked to import and gives something harmless instead."""

    def __init__(self, data: bytes) -> None:
        super().__init__(io.BytesIO(data))
        self.asked: set[str] = set()

    def find_class(self, module: str, name: str) -> Any:
        self.asked.add(f"{module}.{name}")
        return Harmless

    def persistent_load(self, _: object) -> Any:
        return Harmless()


class Harmless:
    def __init__(self, *_: object, **__: object) -> None:
        pass

    def __new__(cls, *_: object, **__: object) -> Harmless:  # noqa: PYI034 - as pickle calls it
        return object.__new__(cls)

    def __setstate__(self, _: object) -> None:
        pass

    def __setitem__(self, _: object, __: object) -> None:
        pass

    def append(self, _: object) -> None:
        pass

    def extend(self, _: object) -> None:
        pass

    def add(self, _: object) -> None:
        pass


def asked(data: bytes) -> set[str]:
    recorder = Recorder(data)
    with suppress(Exception), catch_warnings(action="ignore"):  # whatever it stumbles over, it has asked before
        recorder.load()
    return recorder.asked


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)
OBJECTS = st.sampled_from(
    [
        OrderedDict(a=1),
        date(2026, 11, 25),
        datetime(2026, 11, 25, tzinfo=UTC),
        Decimal("1.5"),
        Fraction(1, 3),
        {1, 2},
        frozenset({3}),
        1 + 2j,
        bytearray(b"x"),
        Path("a"),
        range(3),
    ]
)


@given(value=PLAIN, protocol=st.integers(0, pickle.HIGHEST_PROTOCOL))
def test_plain_values_name_nothing_but_what_holds_bytes(value: object, protocol: int) -> None:
    data = pickle.dumps(value, protocol)
    walk = PickleWalker().walk(data)

    assert (walk.fault, walk.end) == (None, len(data))
    assert {str(name) for name in walk.globals} <= {"_codecs.encode", "__builtin__.bytes"}


@given(values=st.lists(OBJECTS, min_size=1), protocol=st.integers(0, pickle.HIGHEST_PROTOCOL))
def test_the_names_are_those_that_python_would_import(values: list[object], protocol: int) -> None:
    data = pickle.dumps(values, protocol)
    walk = PickleWalker().walk(data)

    assert walk.fault is None
    assert {str(name) for name in walk.globals} == asked(data)


@settings(max_examples=300)
@given(data=st.data())
def test_no_name_that_python_would_import_is_missed_in_a_damaged_pickle(data: st.DataObject) -> None:
    whole = data.draw(
        st.sampled_from([make.state_dict(w=make.tensor(), x=opcodes) for opcodes in HIDDEN.values()])
        | st.builds(pickle.dumps, st.lists(OBJECTS, min_size=1), st.integers(0, pickle.HIGHEST_PROTOCOL))
    )
    bad = damaged(data, whole)
    walk = PickleWalker().walk(bad)

    assert walk.fault is not None or asked(bad) <= {str(name) for name in walk.globals}


def damaged(data: st.DataObject, whole: bytes) -> bytes:
    """Some bytes changed, dropped, put in or doubled."""
    out = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, max(0, len(out) - 1)))
        until = at + data.draw(st.integers(0, 8))
        out[at:until] = data.draw(st.binary(max_size=8) | st.just(bytes(out[at:until] * 2)))
    return bytes(out)


# --- archives ---------------------------------------------------------------------------------------------------------


def tar_of(*entries: tarfile.TarInfo) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for entry in entries:
            archive.addfile(entry, io.BytesIO(bytes(entry.size)) if entry.isreg() else None)
    return stream.getvalue()


def entry(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname = kind, target
    return made


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        (tarfile.SYMTYPE, "a link"),
        (tarfile.LNKTYPE, "a link"),
        (tarfile.CHRTYPE, "a device"),
        (tarfile.BLKTYPE, "a device"),
        (tarfile.FIFOTYPE, "a device"),
    ],
)
def test_what_is_no_file_in_an_archive_is_refused_without_its_target(kind: bytes, told: str) -> None:
    found = said(tar_of(entry("voice", kind, "/srv/secret")), "voice.tar")

    assert found == [
        (
            "archive-unsafe",
            f'found a member "voice" in "voice.tar", which is {told}; expected files and folders alone',
        )
    ]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("../voice", "leaves the root through .."),
        ("a/../../voice", "leaves the root through .."),
        ("/voice", "is absolute"),
        ("a\\b", "holds a backslash"),
        ("C:voice", "holds a colon, which names a drive or a stream on Windows"),
        ("a//b", "has an empty part or a dot as a part"),
        ("a\x1b[2Jb", "holds characters that cannot be seen"),
        ("a\u202eb", "holds characters that cannot be seen"),
    ],
)
def test_a_name_that_leads_elsewhere_is_refused(name: str, told: str) -> None:
    for data in (make.tarred({name: b""}), make.zipped({name: b""})):
        ((rule, message),) = said(data, "voice.archive")
        assert rule == "archive-unsafe"
        assert f'in "voice.archive", which {told}; expected a plain path' in message
        assert message.isprintable()


def test_a_link_and_other_things_in_a_zip_are_refused() -> None:
    for mode, told in ((0o120777, "a link"), (0o060644, "neither file nor folder")):
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w") as archive:
            made = zipfile.ZipInfo("voice")
            made.create_system, made.external_attr = 3, mode << 16
            archive.writestr(made, b"/srv/secret")
        ((_, message),) = said(stream.getvalue(), "voice.zip")
        assert message == f'found a member "voice" in "voice.zip", which is {told}; expected files and folders alone'


def raw_tar(
    name: bytes = b"voice", size: bytes = b"00000000000\0", kind: bytes = b"0", prefix: bytes = b""
) -> bytearray:
    header = bytearray(512)
    header[: len(name)] = name
    header[124:136] = size
    header[156:157] = kind
    header[257:265] = b"ustar\x0000"
    header[345 : 345 + len(prefix)] = prefix
    return signed(header)


def signed(header: bytearray) -> bytearray:
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return header


END = bytes(1024)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (raw_tar(kind=b"S") + END, 'has a header of the kind "S", such as a sparse file has'),
        (raw_tar(kind=b"g") + END, 'has a header of the kind "g", such as a sparse file has'),
        (raw_tar(name=b"voice/") + END, 'has the file "voice/" under the name of a folder'),
        (raw_tar(kind=b"L", size=b"00000200001\0") + END, "has a header of 65537 bytes before a member"),
        (
            raw_tar(kind=b"L", size=b"00000000002\0") + b"a\0" + bytes(510) + raw_tar(kind=b"L") + END,
            "has two long headers before one member",
        ),
        (
            raw_tar(kind=b"x", size=b"00000000033\0") + b"27 GNU.sparse.realsize=9999\n".ljust(512, b"\0") + END,
            "",
        ),
        (raw_tar() + END + b"x", "has 1025 bytes behind its last member"),
        (raw_tar() + bytes(2 * MIB), "has 2097152 bytes behind its last member"),
        (raw_tar(size=b"\x80" + b"\0" * 3 + b"\x7f" * 8) + END, "breaks off in its member 1"),
        (raw_tar(size=b"77777777777\0") + END, "breaks off in its member 1"),
        (raw_tar() + raw_tar(size=b"none        ") + END, "has a header with a size that is no number"),
        (raw_tar(name=b"\xff") + END, "lists a member whose name is not UTF-8"),
        (raw_tar() + b"x" * 512 + END, "has no tar header at byte 512, where one is due"),
        (raw_tar() + b"x" * 100, "has no tar header at byte 512, where one is due"),
        (raw_tar(), "breaks off before its end mark"),
        (raw_tar(kind=b"L", size=b"00000000002\0") + b"a\0" + bytes(510) + END, "breaks off behind a header"),
    ],
)
def test_a_tar_that_readers_read_differently_is_refused(data: bytes, told: str) -> None:
    found = said(bytes(data), "voice.tar")
    assert len(found) == 1
    assert told in found[0][1]
    assert found[0][0] in {"archive-unsafe", "file-malformed"}


def test_a_checkpoint_that_is_a_tar_to_python_is_a_tar() -> None:
    # torch's loader of the older form tries a tar first; here all of its header lies in the name of a tensor.
    begin = make.LEGACY_HEAD + b"\x80\x02}(X"
    header = bytearray((begin + struct.pack("<L", 700)).ljust(512, b"k"))
    header[100:148], header[156:157], header[329:345] = b"0" * 48, b"0", b"0" * 16
    key = signed(header)[len(begin) + 4 :].ljust(700, b"x")
    data = begin + struct.pack("<L", 700) + bytes(key) + make.tensor() + b"u." + make.torch_legacy()[-78:]

    with tarfile.open(fileobj=io.BytesIO(data), mode="r:"):
        pass
    assert rules(data, "model.pt") >= {"file-malformed"}
    assert Inspection().inspect(Held(data), "model.pt").format is FileFormat.TAR


def pax(*records: bytes) -> bytes:
    data = b"".join(records)
    return bytes(raw_tar(kind=b"x", size=b"%011o\0" % len(data)) + data.ljust(-(-len(data) // 512) * 512, b"\0"))


@pytest.mark.parametrize(
    ("record", "told"),
    [
        (b"22 GNU.sparse.major=1\n", 'has an extended header with "GNU.sparse.major", which weights have no need of'),
        (b"12 path=one\n12 path=two\n", 'has an extended header with "path", which weights have no need of'),
        (b"19 size=not-a-size\n", "has a header with a size that is no number"),
        (b"99 path=one\n", "has an extended header that is no list of records"),
        (b"5 path=one\n", "has an extended header that is no list of records"),
        (b"path=one\n", "has an extended header that is no list of records"),
    ],
)
def test_an_extended_header_says_only_what_weights_need(record: bytes, told: str) -> None:
    assert told in said(pax(record) + bytes(raw_tar()) + END, "voice.tar")[0][1]


def test_an_extended_header_may_hold_a_long_name_and_a_size() -> None:
    data = pax(b"12 path=one\n10 size=3\n") + bytes(raw_tar()) + b"abc".ljust(512, b"\0") + END
    found = Inspection().inspect(Held(data), "voice.tar")

    assert (found.problems, found.members[0].name, found.members[0].size) == ((), "one", 3)


def test_more_members_than_any_model_has(monkeypatch: pytest.MonkeyPatch) -> None:
    many = bytes(raw_tar()) * (tar_listing.MAX_MEMBERS + 1) + END
    assert "has more than 32768 members" in said(many, "voice.tar")[0][1]
    monkeypatch.setattr(zip_listing, "MAX_MEMBERS", 3)
    assert "has 4 members in a directory of" in said(make.zipped(dict.fromkeys("abcd", b"")), "voice.zip")[0][1]


def test_bombs_of_every_kind_go_off_in_little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    zeros = zlib.compressobj(9, zlib.DEFLATED, 31)
    head = bytes(raw_tar(name=b"model_config.yaml", size=b"\x80" + (64 * MIB).to_bytes(11)))
    gzip_bomb = zeros.compress(head + bytes(64 * MIB) + END) + zeros.flush()
    pickles = make.zipped({"bomb.pkl": b"\x80\x02" + bytes(32 * MIB)}, method=zipfile.ZIP_DEFLATED)
    data = make.zipped(
        {"v/data.pkl": b"\x80\x02" + b"N0" * 4 * MIB + b"N.", "v/version": b"3"}, method=zipfile.ZIP_DEFLATED
    )
    with memory(8 * MIB):
        assert "unpacks to more than 100 times its size" in said(gzip_bomb, "voice.nemo")[0][1]
        assert "unpacks to more than 100 times its size" in said(pickles, "voice.zip")[0][1]
        assert "unpacks to more than 100 times its size" in said(data, "voice.pt")[0][1]
    monkeypatch.setattr(pickle_stream, "MAX_OPCODES", 100_000)
    lists = b"\x80\x02" + b"]" * 2 * MIB + b"."
    with memory(16 * MIB):
        assert "has more than 100000 opcodes" in said(lists, "voice.pkl")[0][1]


def test_zips_that_readers_read_differently_are_refused() -> None:
    plain = make.zipped({"a.txt": b"abc", "b.txt": b"def"})
    at = plain.index(b"PK\x01\x02")
    for data, told in {
        plain + b"x": "has 1 bytes behind its end record",
        plain[:-2] + b"\3\0abc": "has 3 bytes behind its end record",
        b"PK\x03\x04" + plain: "has a directory that is not where",
        plain.replace(b"a.txt", b"z.txt", 1): 'has another header before "a.txt" than its directory says',
        plain[:at] + plain[at:].replace(b"a.txt", b"z.txt", 1): 'has another header before "z.txt" than its directory',
        plain.replace(b"abc", b"abcd", 1): "has a directory that is not where",
        plain[: at + 8] + b"\1" + plain[at + 9 :]: 'holds "a.txt" encrypted, in parts, or packed by another method',
        plain[: at + 10] + b"\x0c" + plain[at + 11 :]: 'holds "a.txt" encrypted, in parts, or packed by another method',
        plain[: at + 24] + b"\4" + plain[at + 25 :]: 'lists 4 bytes for "a.txt", which is stored in 3',
        plain[: at + 46] + b"\xff" + plain[at + 47 :]: "lists a member whose name is not UTF-8",
        plain[:-12] + b"\1" + plain[-11:]: "has a directory that is not where",
    }.items():
        found = said(data, "voice.zip")
        assert len(found) == 1
        assert told in found[0][1]


def test_members_that_share_their_bytes_are_refused() -> None:
    one = make.zipped({"a": bytes(100)})
    at = one.index(b"PK\x01\x02")
    listed = one[at : one.index(b"PK\x05\x06")]
    twice = one[:at] + listed * 2 + struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 2, 2, len(listed) * 2, at, 0)

    assert said(twice, "voice.zip")[0][0] == "archive-unsafe"
    assert 'holds "a" across the bytes of what follows it' in said(twice, "voice.zip")[0][1]


# --- special files ----------------------------------------------------------------------------------------------------


def test_what_is_no_regular_file_is_told_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "link").symlink_to("/srv/secret/place")
    (tmp_path / "real").write_bytes(make.safetensors())
    (tmp_path / "to-real").symlink_to("real")
    os.mknod(tmp_path / "socket", 0o600 | stat.S_IFSOCK)
    told = {
        tmp_path / "fifo": "is a FIFO; expected a regular file",
        tmp_path / "link": "is a link; expected a regular file",
        tmp_path / "to-real": "is a link; expected a regular file",
        tmp_path / "socket": "is a socket; expected a regular file",
        tmp_path: "is a folder; expected a regular file",
        Path("/dev/zero"): "is a device; expected a regular file",
        tmp_path / "none": "cannot be read: No such file or directory; expected a regular file",
        tmp_path / "a\0b": "cannot be read: no file can have such a name; expected a regular file",
        tmp_path / "\ud800": "cannot be read: no file can have such a name; expected a regular file",
    }
    found = {path: inspect_file(path, name="voice.nemo") for path in told}

    assert {path: [problem.message for problem in each.problems] for path, each in found.items()} == {
        path: [message] for path, message in told.items()
    }
    assert "secret" not in str(found)
    subject = FormatSubject(files=tuple(("", each) for each in found.values()))
    assert {each.rule for each in complaints(FORMAT_RULES, subject)} == {"file-not-inspected"}
    assert inspect_file(tmp_path / "to-real", follow_links=True).format is FileFormat.SAFETENSORS


# --- everything else that can happen to bytes -------------------------------------------------------------------------

WHOLE = {
    "voice.nemo": make.nemo(),
    "packed.nemo": make.gzipped(make.nemo()),
    "model.pt": make.torch_zip(),
    "model.pth": make.torch_legacy(),
    "model.pkl": make.BARE,
    "model.safetensors": make.safetensors(),
    "voice.npy": make.npy(),
    "model.onnx": make.onnx(make.onnx_tensor()),
    "voice.htsvoice": make.htsvoice(),
    "sample.wav": make.wave(),
}


@pytest.mark.parametrize("name", WHOLE)
def test_a_file_that_is_cut_off_anywhere_or_goes_on_is_refused(name: str) -> None:
    whole = WHOLE[name]

    assert said(whole, name) == []
    assert [cut for cut in range(len(whole)) if not rules(whole[:cut], name)] == TAR_PADDING.get(name, [])
    for more in (b"\n", b"PK", b"N.", b"x" * 600):
        assert rules(whole + more, name) != set()


TAR_PADDING = {"voice.nemo": list(range(len(make.nemo()) - 1023, len(make.nemo())))}
"""One zero after the last member is enough of an end for tar; the rest of the two blocks is filling."""


@settings(max_examples=200)
@given(data=st.data(), name=st.sampled_from(sorted(WHOLE)))
def test_damaged_bytes_never_raise_and_always_fit_in_a_finding(data: st.DataObject, name: str) -> None:
    for rule, message in said(damaged(data, WHOLE[name]), name):
        assert rule in {each.id for each in FORMAT_RULES}
        assert message.isprintable()
        assert len(message) < 700


@given(data=st.binary(max_size=600))
@example(b"\x80\x02c\n\n.")
@example(b"(")
@example(b"\x08\x08\x3a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")
def test_any_bytes_are_something(data: bytes) -> None:
    found = Inspection().inspect(Held(data), "voice.bin")

    assert found.size == len(data)
    assert found.format in FileFormat


@pytest.mark.parametrize("path", sorted(format_examples.FILES))
def test_flipped_bits_of_every_example_are_survived(path: str) -> None:
    data = bytearray(format_examples.FILES[path])
    for at in range(0, len(data), 23):
        data[at] ^= 1 << at % 8
        said(bytes(data), path)
        data[at] ^= 1 << at % 8
