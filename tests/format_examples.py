"""The examples of the rules over formats, which ``python -m tests.format_examples`` writes below ``tests/examples``."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Final

from tests import format_files as make


def _stored_gzip(data: bytes) -> bytes:
    """A gzip stream without compression, which is the same from every zlib."""
    block = b"\1" + struct.pack("<HH", len(data), len(data) ^ 0xFFFF) + data
    return b"\x1f\x8b\x08" + bytes(6) + b"\xff" + block + struct.pack("<LL", zlib.crc32(data), len(data))


_ELSEWHERE = make.onnx(make.onnx_tensor("vocoder.data"))

FILES: Final[dict[str, bytes]] = {
    "archive-incomplete/accept/voice.nemo": make.nemo(),
    "archive-incomplete/accept/packed.nemo": _stored_gzip(make.nemo()),
    "archive-incomplete/reject/no-config.nemo": make.nemo(config=None),
    "archive-incomplete/reject/no-checkpoint.nemo": make.tarred({"model_config.yaml": make.CONFIG}),
    "archive-incomplete/reject/no-target.nemo": make.nemo(config=b"n_speakers: 1\n"),
    "archive-incomplete/reject/checkpoint-is-safetensors.nemo": make.nemo(checkpoint=make.safetensors()),
    "archive-incomplete/reject/checkpoint-is-text.nemo": make.nemo(checkpoint=b"see the other folder\n"),
    "archive-incomplete/reject/checkpoint-without-tensors.nemo": make.nemo(
        checkpoint=make.torch_zip(make.state_dict(), storages={})
    ),
    "archive-incomplete/reject/checkpoint-is-a-folder.nemo": make.tarred(
        {"model_config.yaml": make.CONFIG, "model_weights.ckpt/a": b""}
    ),
    "archive-incomplete/reject/packed-without-anything.nemo": _stored_gzip(make.tarred({"notes.txt": b"later\n"})),
    "archive-target-refused/accept/classes-of-nemo.nemo": make.nemo(
        config=make.CONFIG + b"optim:\n  _target_: torch.optim.AdamW\ndecoder: ${encoder}\n"
    ),
    "archive-target-refused/reject/a-command.nemo": make.nemo(
        config=make.CONFIG + b"decoder:\n  _target_: os.system\n  command: echo gotcha\n"
    ),
    "archive-target-refused/reject/a-command-in-a-list.nemo": make.nemo(
        config=make.CONFIG + b"hooks:\n- _target_: builtins.exec\n"
    ),
    "archive-target-refused/reject/through-an-import.nemo": make.nemo(
        config=make.CONFIG + b"decoder: {_target_: nemo.collections.tts.data.dataset.subprocess.Popen}\n"
    ),
    "archive-target-refused/reject/a-function.nemo": make.nemo(
        config=make.CONFIG + b"decoder: {_target_: torch.nn.modules.container.torch.load}\n"
    ),
    "archive-target-refused/reject/a-resolver.nemo": make.nemo(
        config=make.CONFIG + b"decoder: \"${oc.create:'{_target_: os.system}'}\"\n"
    ),
    "archive-target-refused/reject/another-class.nemo": make.nemo(config=b"target: voices.Voice\n"),
    "archive-unsafe/accept/with-a-table.nemo": make.nemo(**{"./0f1e_heteronyms.txt": b"read\nlead\n"}),
    "archive-unsafe/reject/leaves-its-folder.nemo": make.nemo(**{"../../.bashrc": b"echo gotcha\n"}),
    "archive-unsafe/reject/absolute.nemo": make.nemo(**{"/etc/cron.d/voice": b"* * * * * root true\n"}),
    "archive-unsafe/reject/twice.nemo": make.nemo(**{"model_config.yaml": make.CONFIG}),
    "archive-unsafe/reject/twice-but-for-case.nemo": make.nemo(**{"./Model_Config.yaml": make.CONFIG}),
    "archive-unsafe/reject/below-a-file.nemo": make.nemo(**{"./model_config.yaml/extra": b"x"}),
    "archive-unsafe/reject/archive-within.nemo": make.nemo(**{"./more.tar": make.tarred({"a": b"b"})}),
    "archive-unsafe/reject/bytes-before.pt": b"PK\x03\x04" + bytes(60) + make.torch_zip(),
    "archive-unsafe/reject/bytes-behind.nemo": make.nemo() + b"#!/bin/sh\n",
    "audio-empty/accept/sample.wav": make.wave(),
    "audio-empty/accept/sample.flac": make.flac(),
    "audio-empty/reject/sample.wav": make.wave(0),
    "audio-empty/accept/written-into-a-pipe.flac": make.flac(0),
    "audio-empty/reject/sample.flac": make.flac(behind=b""),
    "external-data-missing/accept/inside.onnx": make.onnx(make.onnx_tensor()),
    "external-data-missing/accept/beside/vocoder.onnx": _ELSEWHERE,
    "external-data-missing/accept/beside/vocoder.data": make.WEIGHTS,
    "external-data-missing/reject/not-listed.onnx": _ELSEWHERE,
    "external-data-missing/reject/outside.onnx": make.onnx(make.onnx_tensor("../../shared/vocoder.data")),
    "file-changed-while-inspected/accept/holds-still.safetensors": make.safetensors(),
    "file-format-mismatch/accept/voice.nemo": make.nemo(),
    "file-format-mismatch/accept/checkpoint.pt": make.torch_zip(),
    "file-format-mismatch/accept/old.pth": make.torch_legacy(),
    "file-format-mismatch/accept/tensors.pkl": make.BARE,
    "file-format-mismatch/accept/model.bin": make.torch_zip(),
    "file-format-mismatch/accept/model.safetensors": make.safetensors(),
    "file-format-mismatch/accept/model.onnx": make.onnx(),
    "file-format-mismatch/accept/model.gguf": make.gguf(),
    "file-format-mismatch/accept/voice.htsvoice": make.htsvoice(),
    "file-format-mismatch/accept/LICENSE_voice.htsvoice": b"The voice is under CC-BY-3.0.\n",
    "file-format-mismatch/accept/saved_model.pb": make.field(1, 1) + make.field(2, b"a graph of TensorFlow"),
    "file-format-mismatch/accept/notes.xyz": b"\x01\x02\x03",
    "file-format-mismatch/reject/bare-save.nemo": make.torch_zip(),
    "file-format-mismatch/reject/plain-zip.nemo": make.zipped({"model_config.yaml": make.CONFIG}),
    "file-format-mismatch/reject/pickle.safetensors": make.BARE,
    "file-format-mismatch/reject/web-page.pt": b"<!DOCTYPE html>\n<title>404</title>\n",
    "file-format-mismatch/reject/empty.onnx": b"",
    "file-format-mismatch/reject/LICENSE_of_nothing.nemo": make.torch_zip(),
    "file-format-mismatch/reject/plain-tar.bin": make.tarred({"notes.txt": b"later\n"}),
    "file-format-mismatch/reject/flac.wav": make.flac(),
    "file-format-unknown/accept/tensors.bin": make.BARE,
    "file-format-unknown/reject/bare-numbers.bin": make.WEIGHTS,
    "file-format-unknown/reject/web-page.bin": b"<!DOCTYPE html>\n<title>404</title>\n",
    "file-is-lfs-pointer/accept/sample.wav": make.wave(),
    "file-is-lfs-pointer/reject/voice.nemo": make.LFS_POINTER,
    "file-is-lfs-pointer/reject/any-name": make.LFS_POINTER,
    "file-malformed/accept/model.safetensors": make.safetensors(),
    "file-malformed/reject/cut-off.safetensors": make.safetensors()[:-1],
    "file-malformed/reject/cut-off.pt": make.torch_zip()[:-1],
    "file-malformed/reject/cut-off.nemo": make.nemo()[:-1024],
    "file-malformed/reject/cut-off-within.nemo": make.nemo(checkpoint=make.torch_zip()[:-1]),
    "file-malformed/reject/cut-off.htsvoice": make.htsvoice()[:-1],
    "file-malformed/reject/cut-off.onnx": make.onnx()[:-1],
    "file-malformed/reject/cut-off.wav": make.wave()[:-1],
    "file-malformed/reject/impossible-counts.gguf": make.gguf(tensors=1_000_000),
    "file-malformed/reject/short-storage.pt": make.torch_zip(storages={"0": make.WEIGHTS[:-4]}),
    "file-malformed/reject/tensor-beyond-storage.pt": make.torch_zip(make.state_dict(w=make.tensor(shape=(7, 3)))),
    "file-not-inspected/accept/a-file.safetensors": make.safetensors(),
    "pickle-global-refused/accept/state.pt": make.torch_zip(),
    "pickle-global-refused/reject/system.pt": make.torch_zip(make.state_dict(w=make.tensor(), x=make.command())),
    "pickle-global-refused/reject/system.nemo": make.nemo(
        checkpoint=make.torch_zip(make.state_dict(w=make.tensor(), x=make.command("os", "system")))
    ),
    "pickle-global-refused/reject/system.pkl": b"\x80\x04" + make.text("posix") + make.text("system") + b"\x93.",
    "pickle-global-refused/reject/any-name": b"cbuiltins\neval\n(S'1'\ntR.",
    "pickle-global-refused/reject/whole-module.pt": make.torch_zip(
        make.state_dict(model=make.named("torch.nn.modules.linear", "Linear") + b")\x81")
    ),
    "pickle-not-listable/accept/state.pkl": make.BARE,
    "pickle-not-listable/reject/registry.pkl": b"\x80\x02\x82\x01)R.",
    "pickle-not-listable/reject/calls-by-a-state.pkl": make.state_dict(
        x=make.ORDERED + b"}" + make.text("append") + make.named("torch.storage", "_load_from_bytes") + b"sb"
    ),
    "pickle-not-listable/reject/cut-off.pkl": make.BARE[:-1],
    "pickle-not-listable/reject/bytes-behind.pkl": make.BARE + b"more",
    "pickle-not-listable/reject/calls-what-it-built.pkl": b"\x80\x02" + make.ORDERED + b")R.",
}
"""Path below ``tests/examples``, and the bytes."""

LINK: Final = "file-not-inspected/reject/link.nemo"
"""The one example that is no file: a link, which git can keep."""


def write() -> None:
    """Write every example."""
    folder = Path(__file__).parent / "examples"
    for name, data in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    link = folder / LINK
    link.parent.mkdir(parents=True, exist_ok=True)
    if not link.is_symlink():
        link.symlink_to("../accept/a-file.safetensors")


if __name__ == "__main__":
    write()
