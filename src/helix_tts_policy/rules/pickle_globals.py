"""The globals that a pickle of tensors may name, each with the reason why calling it does no more than build one.

A list of what is known to be bad misses most of what is bad; this is the list of what a tensor needs. The names are those of
`torch.save` from 1.6 on and of the form before, and of numpy's arrays.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from helix_tts_policy.facts.formats.torch_pickle import DTYPES, LOAD_FROM_BYTES, STORAGES

if TYPE_CHECKING:
    from collections.abc import Mapping

_A_STORAGE = "a kind of storage, named in a persistent id"
_A_DTYPE = "the type of an element"
_AN_ARRAY = "an empty array, which its state fills"
_A_NUMBER = "one number, such as the best loss so far"

PICKLE_GLOBALS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "collections.OrderedDict": "the mapping of a state dict",
        "torch._utils._rebuild_tensor": "a view of a storage",
        "torch._utils._rebuild_tensor_v2": "a view of a storage",
        "torch._utils._rebuild_tensor_v3": "a view of a storage whose type has no storage of its own",
        "torch._utils._rebuild_qtensor": "a view of a storage of quantised numbers",
        "torch._utils._rebuild_parameter": "wraps a tensor",
        "torch.Size": "a tuple of sizes",
        "torch.device": "the name of a device",
        LOAD_FROM_BYTES: "loads a checkpoint from bytes, which are inspected like a file",
        **dict.fromkeys(STORAGES, _A_STORAGE),
        **dict.fromkeys(DTYPES, _A_DTYPE),
        **dict.fromkeys(
            (
                "torch.float64",
                "torch.float32",
                "torch.float16",
                "torch.bfloat16",
                "torch.int64",
                "torch.int32",
                "torch.int16",
                "torch.int8",
                "torch.uint8",
                "torch.bool",
                "torch.complex64",
                "torch.complex128",
                "torch.qint8",
                "torch.quint8",
                "torch.qint32",
            ),
            _A_DTYPE,
        ),
        **dict.fromkeys(
            (
                "torch.per_tensor_affine",
                "torch.per_tensor_symmetric",
                "torch.per_channel_affine",
                "torch.per_channel_symmetric",
                "torch.per_channel_affine_float_qparams",
            ),
            "how numbers are quantised",
        ),
        "numpy.ndarray": "the class of the array that is built",
        "numpy.dtype": _A_DTYPE,
        "numpy.core.multiarray._reconstruct": _AN_ARRAY,
        "numpy._core.multiarray._reconstruct": _AN_ARRAY,
        "numpy.core.multiarray.scalar": _A_NUMBER,
        "numpy._core.multiarray.scalar": _A_NUMBER,
        "numpy.core.numeric._frombuffer": "an array over bytes in the stream",
        "numpy._core.numeric._frombuffer": "an array over bytes in the stream",
        "_codecs.encode": "how protocols before 3 write bytes",
    }
)
"""Every global that passes; all others are refused."""
