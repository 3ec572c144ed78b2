"""Why work can be blocked: reason codes, each with what it means, whose move it is, and how to unblock.

A reason is written ``code`` or ``code:detail``; equal facts give equal codes, and what differs from run to run goes into
the detail. The codes below are built in. A team adds its own in the table ``[[blocker_reasons]]`` of its policy file, and
can neither redefine nor remove one of these.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_REASON_LENGTH: Final = 500
"""Characters of a reason with its detail: one line of a log, far below the 4096 bytes of a lane's."""

MAX_CODE_LENGTH: Final = 64
"""Characters of a code; the longest built-in one has 38."""

_CODE = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*")
_DETAIL = re.compile(r"[^ ](?:.*[^ ])?")


class ReasonKind(StrEnum):
    """Whose move it is."""

    PERMANENT = "permanent"  # the same inputs give the same answer; they have to change
    TRANSIENT = "transient"  # it may work when it is tried again
    OPERATOR = "operator"  # somebody has to mend the place where it ran


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockerReason:
    """One code of the catalogue.

    Attributes:
        code: lower_snake_case.
        meaning: what is the matter, in a sentence.
        remedy: how to unblock, in a sentence.
        kind: whose move it is.
        owner: who answers for a code that a team added; empty for a built-in one.
    """

    code: str
    meaning: str
    remedy: str
    kind: ReasonKind
    owner: str = ""


class WrittenReason(NamedTuple):
    """A reason as it is written, in its two parts."""

    code: str
    detail: str

    def __str__(self) -> str:
        return f"{self.code}:{self.detail}" if self.detail else self.code


def is_code(text: str) -> bool:
    """Whether a text has the form of a code: ASCII letters and digits in words joined by single underscores."""
    return len(text) <= MAX_CODE_LENGTH and _CODE.fullmatch(text) is not None


def parse_reason(text: str) -> WrittenReason | None:
    """The parts of ``code`` or ``code:detail``; None where the text has neither form or holds unprintable characters."""
    code, colon, detail = text.partition(":")
    if not is_code(code) or len(text) > MAX_REASON_LENGTH or not text.isprintable():
        return None
    return WrittenReason(code, detail) if not colon or _DETAIL.fullmatch(detail) else None


_ROWS = (
    # of a lane, before anything is trained
    ("nemo_runtime_unavailable", ReasonKind.OPERATOR,
     "NeMo with its TTS parts cannot be imported where the lane ran.",
     "Install nemo_toolkit[tts] there, or run the lane in the image that has it."),
    ("espnet_runtime_unavailable", ReasonKind.OPERATOR,
     "ESPnet cannot be imported where the backup lane ran.",
     "Install ESPnet in an environment of its own and name it to the lane."),
    ("backup_lane_not_allowed", ReasonKind.OPERATOR,
     "The backup lane was to train, and no policy records that NeMo is blocked.",
     "Train with NeMo; where it cannot be, record in the policy why, who answers for it and until when."),
    ("runtime_dependency_missing", ReasonKind.OPERATOR,
     "A program or a Python package that the step needs is not installed.",
     "Install what the detail names."),
    ("gpu_required_for_colab_smoke_lane", ReasonKind.OPERATOR,
     "The Colab smoke lane found no GPU.",
     "Attach a GPU runtime, or set ALLOW_CPU_SMOKE=1 for a smoke run on the CPU."),
    ("managed_job_not_implemented", ReasonKind.PERMANENT,
     "The lane was asked to start a managed job, and has no backend for one.",
     "Run the lane with a backend that exists, such as the local container."),
    ("deterministic_head_mismatch", ReasonKind.OPERATOR,
     "The checkout is at another commit than the one the run was ordered for.",
     "Check out the commit that was ordered, or order the run for this one."),
    ("docker_build_failed", ReasonKind.OPERATOR,
     "The image of the lane could not be built.",
     "Read the build log, mend the Dockerfile or the network, and build again."),
    ("docker_run_failed", ReasonKind.OPERATOR,
     "The container of the lane ended with an error before it could say why.",
     "Read the container's log, and run it again once its cause is mended."),
    ("config_missing", ReasonKind.OPERATOR,
     "The configuration of the run is not where it was said to be.",
     "Name an existing configuration file."),
    # of the allow-list and the weights manifest
    ("allowlist_missing", ReasonKind.OPERATOR,
     "There is no allow-list of weights.",
     "Name an existing allow-list."),
    ("allowlist_invalid", ReasonKind.OPERATOR,
     "The allow-list of weights cannot be read as one.",
     "Correct it at the place that the message names."),
    ("allowlist_rejected", ReasonKind.PERMANENT,
     "The weights are not on the allow-list.",
     "Choose weights that are on it, or have these reviewed and added."),
    ("allowlist_commercial_rejected", ReasonKind.PERMANENT,
     "The allow-list says that the weights may not be used commercially.",
     "Choose weights that may."),
    ("allowlist_missing_license_metadata", ReasonKind.PERMANENT,
     "The entry of the allow-list lacks a licence of the code or of the weights.",
     "Find out both licences and add them with their evidence."),
    ("invalid_weights_manifest", ReasonKind.PERMANENT,
     "The weights manifest is NO-GO.",
     "Run helix-tts-policy verify on it and mend what it finds."),
    # of the training data
    ("dataset_manifest_missing", ReasonKind.OPERATOR,
     "The manifest of the training set is not where it was said to be.",
     "Build the training set first, or name its manifest."),
    ("dataset_no_valid_audio", ReasonKind.PERMANENT,
     "Not one recording of the training set can be used.",
     "Mend the recordings; the log says what is wrong with each."),
    ("dataset_empty", ReasonKind.PERMANENT,
     "The training set holds no utterances.",
     "Build it from recordings with their texts."),
    ("manifest_missing", ReasonKind.OPERATOR,
     "A manifest that the step needs is not there.",
     "Name an existing manifest."),
    ("manifest_invalid", ReasonKind.PERMANENT,
     "A manifest that the step needs cannot be read, or is not of its shape.",
     "Correct it at the place that the detail names."),
    ("missing_audio_path", ReasonKind.OPERATOR,
     "No recording was named, or the one that was named is not there.",
     "Name an existing recording."),
    ("audio_missing", ReasonKind.OPERATOR,
     "A recording that the manifest names is not there.",
     "Put it there, or take its row out of the manifest."),
    ("audio_unreadable", ReasonKind.PERMANENT,
     "A recording cannot be decoded.",
     "Replace it by a readable one."),
    ("audio_sample_rate_mismatch", ReasonKind.PERMANENT,
     "A recording has another sample rate than the model.",
     "Resample it to the rate of the configuration."),
    ("audio_not_mono", ReasonKind.PERMANENT,
     "A recording has more than one channel.",
     "Mix it down to one."),
    ("audio_too_short", ReasonKind.PERMANENT,
     "A recording is shorter than the model's shortest window.",
     "Leave it out, or join it with its neighbour."),
    ("audio_silent", ReasonKind.PERMANENT,
     "A recording holds nothing but silence.",
     "Replace it, or take its row out of the manifest."),
    ("text_out_of_vocabulary", ReasonKind.PERMANENT,
     "A text holds nothing that the model's vocabulary knows, or symbols that it does not.",
     "Normalise the text, or extend the vocabulary."),
    # of the training itself
    ("init_artifact_invalid", ReasonKind.PERMANENT,
     "The model to start from is not what its name says.",
     "Name a model that verifies."),
    ("init_class_mismatch", ReasonKind.PERMANENT,
     "The model to start from is of another class than the one that is trained.",
     "Start from a model of the same class."),
    ("init_weights_not_loaded", ReasonKind.PERMANENT,
     "The model to start from was opened, and its weights did not arrive.",
     "Compare the names of its tensors with those of the new model."),
    ("no_training_steps", ReasonKind.PERMANENT,
     "The run ended without a single step of training.",
     "Plan at least one step, and a batch no larger than the data."),
    ("steps_incomplete", ReasonKind.TRANSIENT,
     "The run ended before all planned steps were made.",
     "Resume it from its own folder, or run it again."),
    ("non_finite_loss", ReasonKind.PERMANENT,
     "The loss is missing, infinite or no number.",
     "Lower the learning rate, or mend the data that led to it."),
    ("weights_nonfinite", ReasonKind.PERMANENT,
     "The weights that were saved hold values that are not finite.",
     "Train again from the last finite checkpoint with other settings."),
    ("weights_unchanged", ReasonKind.PERMANENT,
     "The weights that were saved are the ones that training began with.",
     "Check that the optimiser has parameters and the learning rate is not zero."),
    ("terminated_by_signal", ReasonKind.TRANSIENT,
     "The run was ended from outside.",
     "Run it again, or resume it from its own folder."),
    ("out_of_disk", ReasonKind.OPERATOR,
     "The disk is full, or would have been.",
     "Free space on the target and on the folder for temporary files."),
    ("out_of_memory", ReasonKind.OPERATOR,
     "The memory of the machine or of its GPU was not enough.",
     "Use a smaller batch or a larger machine."),
    ("missing_train_status", ReasonKind.OPERATOR,
     "The run left no train_status.json.",
     "Run it with a lane that writes one; without it nothing is known of the outcome."),
    # of what was made
    ("artifact_missing", ReasonKind.PERMANENT,
     "A file that the run reported is not there.",
     "Run it again, and keep its folder until it is verified."),
    ("artifact_outside_run_dir", ReasonKind.PERMANENT,
     "A file that the run reported lies outside of its folder.",
     "Write artifacts into the folder of the run."),
    ("artifact_invalid", ReasonKind.PERMANENT,
     "A file that the run wrote is not what its name says.",
     "Run it again; do not repair the file by hand."),
    ("no_bundle_artifacts", ReasonKind.PERMANENT,
     "There is nothing to put into a bundle.",
     "Finish a training run that reports artifacts first."),
    ("voice_bundle_validation_failed", ReasonKind.PERMANENT,
     "The voice bundle does not verify.",
     "Run helix-tts-policy bundle verify on it and build it again."),
    # of the verification
    ("verification_failed", ReasonKind.PERMANENT,
     "The verifier says FAIL.",
     "Mend the first failing HARD constraint, then let all of them run again."),
    ("integrity_false", ReasonKind.PERMANENT,
     "The verifier does not vouch for the integrity of its certificate.",
     "Run the verification again on an unchanged tree; integrity must be exactly true."),
    ("no_progress", ReasonKind.PERMANENT,
     "The same constraint failed again on the same evidence.",
     "Change what the constraint looks at before verifying again, or have the constraint reviewed."),
    # of this program
    ("internal_error", ReasonKind.PERMANENT,
     "The program failed in a way that it does not know.",
     "Report it with the log and the inputs."),
)  # fmt: skip

BUILT_IN_REASONS: Final[Mapping[str, BlockerReason]] = MappingProxyType(
    {code: BlockerReason(code=code, kind=kind, meaning=meaning, remedy=remedy) for code, kind, meaning, remedy in _ROWS}
)
"""The codes that hold under every policy."""


def remedy_of(reason: str | None) -> str:
    """What to do about a reason, as it is written: the remedy of its built-in code, or in general."""
    written = None if reason is None else parse_reason(reason)
    known = None if written is None else BUILT_IN_REASONS.get(written.code)
    return "find out why, take the cause away, and run it again" if known is None else known.remedy
