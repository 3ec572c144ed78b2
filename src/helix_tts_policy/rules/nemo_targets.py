"""What a configuration of NeMo may have called while it is loaded: a literal table of namespaces, and the classes in them."""

from __future__ import annotations

import re
import sys
from typing import Final

NAMESPACES: Final = (
    "nemo.collections.",
    "nemo.core.",
    "nemo_text_processing.",
    "torch.nn.",
    "torch.optim.",
    "torch.utils.data.",
)
"""Where the parts of a voice are defined: of the namespaces that NeMo 3 itself allows (``ALLOWED_TARGET_PREFIXES`` in
nemo/core/classes/common.py), those that a model needs. Before that NeMo imported and called any name."""

_CLASS = re.compile(r"[a-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*\.[A-Z][A-Za-z0-9_]*")


def is_part_of_a_model(name: str) -> bool:
    """Whether a name is that of a class in one of the `NAMESPACES`.

    A name leads on through what a module has imported: ``nemo.core.config.subprocess.Popen`` is none of NeMo's.
    """
    namespace = next((each for each in NAMESPACES if name.startswith(each)), None)
    if namespace is None or _CLASS.fullmatch(name) is None:
        return False
    return sys.stdlib_module_names.isdisjoint(name.removeprefix(namespace).split("."))
