"""Rules over what is packed in a file of weights: members of archives, and what a pickle would import and call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helix_tts_policy.facts.formats.inspected import FileFormat, FormatProblemKind, MemberKind
from helix_tts_policy.facts.formats.nemo_archive import CHECKPOINT, CONFIG, plain_name
from helix_tts_policy.finding import shown
from helix_tts_policy.rules.file_entry import folded_path, folders_of, unsafe_path
from helix_tts_policy.rules.format_names import CALLED, NEMO, TAR, TORCH
from helix_tts_policy.rules.format_subject import is_unlisted, suffix_of
from helix_tts_policy.rules.nemo_targets import is_part_of_a_model
from helix_tts_policy.rules.pickle_globals import PICKLE_GLOBALS
from helix_tts_policy.rules.rule import Complaint

if TYPE_CHECKING:
    from collections.abc import Iterator

    from helix_tts_policy.facts.formats.inspected import InspectedFile
    from helix_tts_policy.rules.format_subject import FormatSubject


def archive_incomplete(subject: FormatSubject) -> Iterator[Complaint]:
    """What it checks:
        A `.nemo` that is a tar archive holds `model_config.yaml` with a `target`, and a `model_weights.ckpt` that is a
        checkpoint of torch with tensors in it.

    Why it is NO-GO:
        Without its class nobody can restore a model, and without its weights there is none.

    Example:
        A `voice.nemo` that was packed by hand, without its configuration.

    Remedy:
        Save it anew with `model.save_to(FILE)`.
    """
    tip = "save it anew with model.save_to(FILE)"
    for pointer, file in subject.read:
        if suffix_of(file) != ".nemo" or file.format not in NEMO + TAR or is_unlisted(file):
            continue
        nemo = file.nemo
        if nemo is None or not nemo.has_config:
            yield Complaint(pointer, f"found no {CONFIG} in {shown(file.name)}; expected NeMo's configuration", tip)
        elif nemo.target is None and not file.problems:
            message = f"found no target in the {CONFIG} of {shown(file.name)}; expected the class to restore"
            yield Complaint(pointer, message, tip)
        if all(plain_name(member.name) != CHECKPOINT for member in file.members):
            yield Complaint(pointer, f"found no {CHECKPOINT} in {shown(file.name)}; expected the weights", tip)
        elif nemo is not None and nemo.checkpoint not in TORCH and not file.problems:
            found = CALLED[nemo.checkpoint or FileFormat.UNKNOWN]
            message = f"found {found} as {CHECKPOINT} in {shown(file.name)}; expected {CALLED[TORCH[0]]}"
            yield Complaint(pointer, message, tip)
        elif not file.tensors and not file.problems:
            message = f"found no tensors in the {CHECKPOINT} of {shown(file.name)}; expected the weights"
            yield Complaint(pointer, message, tip)


def archive_target_refused(subject: FormatSubject) -> Iterator[Complaint]:
    """What it checks:
        The `model_config.yaml` of a NeMo archive names only classes of NeMo's collections and core, of nemo_text_processing,
        and of torch's `nn`, `optim` and `utils.data`: as its `target`, and as every `_target_` in it. No text in it calls a
        resolver, as `${name:…}` does.

    Why it is NO-GO:
        Restoring the model imports and calls what the configuration names, with the arguments that stand beside it. That is
        as good as a pickle, and only NeMo 3 looks at the names first.

    Example:
        `_target_: os.system` under `output_fft`

    Remedy:
        Find out who wrote the configuration; save the model anew with `model.save_to(FILE)`, from the code that trained it.
    """
    tip = "find out who wrote it; save the model anew with model.save_to(FILE)"
    for pointer, file in subject.read:
        for name in dict.fromkeys(() if file.nemo is None else file.nemo.calls):
            if not is_part_of_a_model(name):
                message = f"found {shown(name)} called by the {CONFIG} of {shown(file.name)}; expected a class of NeMo or torch"
                yield Complaint(pointer, message, tip)


def archive_unsafe(subject: FormatSubject) -> Iterator[Complaint]:
    """What it checks:
        An archive holds regular files and folders under plain relative names, each once, also when case and Unicode form are
        ignored; no archives but checkpoints; no bytes that belong to no member. It has at most 32,768 members and unpacks to
        at most a hundred times its size and 4 GiB. The directory of a zip says what stands before its members.

    Why it is NO-GO:
        Unpacking such an archive writes outside of its folder, fills the disk, or gives other files than those that were
        reviewed.

    Example:
        A `voice.nemo` with a member `../../.bashrc`, or one of 20 KB that unpacks to 20 GB.

    Remedy:
        Pack it anew with the usual tool, and nothing else in it.
    """
    tip = "pack it anew with the usual tool, and nothing else in it"
    for pointer, file, problem in subject.problems(FormatProblemKind.UNSAFE):
        yield Complaint(pointer, f"{shown(file.name)} {problem.message}", problem.tip)
    for pointer, file in subject.read:
        for told in _odd_members(file):
            yield Complaint(pointer, f"found a member {told}", tip)


def pickle_global_refused(subject: FormatSubject) -> Iterator[Complaint]:
    """What it checks:
        A pickle, also one in an archive, an array or another pickle, names only what a tensor needs: torch's builders, storages and
        types, numpy's arrays, OrderedDict. The names are listed without running anything.

    Why it is NO-GO:
        Loading a pickle calls what it names. `os.system` is one such name, and no list of bad names is ever complete.

    Example:
        A `model.pt` that was saved as a whole model, and so names its classes; or one that names `posix.system`.

    Remedy:
        Save the tensors alone: `torch.save(model.state_dict(), FILE)`, or as safetensors.
    """
    for pointer, file in subject.read:
        for name in file.pickle_globals:
            if name not in PICKLE_GLOBALS:
                message = (
                    f"found {shown(name)} named by a pickle in {shown(file.name)}; expected only what a tensor needs"
                )
                yield Complaint(
                    pointer, message, "save the tensors alone, as torch.save(model.state_dict(), FILE) does"
                )


def pickle_not_listable(subject: FormatSubject) -> Iterator[Complaint]:
    """What it checks:
        Every pickle can be followed from its first opcode to its last: it is whole, takes nothing from outside, calls nothing
        that it has built, sets no state but that of a state dict or an array, and has at most a million opcodes in 16 MiB.

    Why it is NO-GO:
        What cannot be listed cannot be vouched for; a stream that breaks off has still made its calls by then. A state can be
        a call, too: loading appends to a list by the `append` that it finds, and a state can put one there.

    Example:
        A `model.pkl` whose globals are numbers in an extension registry.

    Remedy:
        Save the tensors alone: `torch.save(model.state_dict(), FILE)`, or as safetensors.
    """
    for pointer, file, problem in subject.problems(FormatProblemKind.OPAQUE):
        yield Complaint(pointer, f"{shown(file.name)} {problem.message}", problem.tip)


def _odd_members(file: InspectedFile) -> Iterator[str]:
    within = shown(file.name)
    paths = [(member, plain_name(member.name).rstrip("/")) for member in file.members]
    files = {folded_path(path) for member, path in paths if member.kind is MemberKind.FILE}
    seen: set[str] = set()
    for member, path in paths:
        name, folded = shown(member.name), folded_path(path)
        if member.kind is MemberKind.FOLDER and path in {"", "."}:
            continue  # the folder that was packed
        reason = unsafe_path(path) if member.name.isprintable() else "holds characters that cannot be seen"
        if member.kind not in {MemberKind.FILE, MemberKind.FOLDER}:
            kind = "neither file nor folder" if member.kind is MemberKind.OTHER else f"a {member.kind}"
            yield f"{name} in {within}, which is {kind}; expected files and folders alone"
        elif reason is not None:
            yield f"{name} in {within}, which {reason}; expected a plain path"
        elif folded in seen:
            yield f"{name} in {within} twice, or in two spellings of one name; expected each once"
        elif any(folder in files for folder in folders_of(folded)):
            yield f"{name} in {within}, below one that is a file; expected files below folders alone"
        seen.add(folded)
