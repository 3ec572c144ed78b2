"""Rules over a document that could not be read: one for each kind of problem that a reader reports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helix_tts_policy.errors import MalformedInput, ProblemKind
from helix_tts_policy.rules.rule import Complaint

if TYPE_CHECKING:
    from collections.abc import Iterator


def input_unreadable(error: MalformedInput) -> Iterator[Complaint]:
    """What it checks:
        The document can be opened: it exists, is a regular file, may be read, and is no larger than 4 MiB (a policy or a
        model card 1 MiB, a ledger 16 MiB).

    Why it is NO-GO:
        Without a document there is no evidence. A FIFO or a device could block the check or feed it forever.

    Example:
        `helix-tts-policy verify no-such-file.json`

    Remedy:
        Name the document itself, and make sure that the account that runs the check may read it.
    """
    return _of_kind(error, ProblemKind.UNREADABLE)


def input_encoding(error: MalformedInput) -> Iterator[Complaint]:
    """What it checks:
        The bytes are UTF-8 without a byte order mark.

    Why it is NO-GO:
        Readers disagree about other encodings, so two tools could see two different manifests in the same bytes.

    Example:
        A manifest saved by a Windows shell's `>` is UTF-16.

    Remedy:
        Save the document again as plain UTF-8.
    """
    return _of_kind(error, ProblemKind.ENCODING)


def input_syntax(error: MalformedInput) -> Iterator[Complaint]:
    """What it checks:
        The text is one JSON value: no comments, no trailing text, no NaN or Infinity, no number of more than 19 digits,
        no nesting deeper than 64 levels. A policy is TOML, the front matter of a model card one plain YAML document: no
        anchors, aliases, tags or merge keys. A ledger has no more than 400,000 lines.

    Why it is NO-GO:
        What is not JSON is read differently by every lenient reader.

    Example:
        `{"model_id": "voice",}` has a comma too many.

    Remedy:
        Correct the text at the line and column of the message.
    """
    return _of_kind(error, ProblemKind.SYNTAX)


def input_duplicate_key(error: MalformedInput) -> Iterator[Complaint]:
    r"""What it checks:
        No object of the document has the same key twice, also not through `\u` escapes.

    Why it is NO-GO:
        Most readers keep the last value, people see the first: `"weights_license": "CC-BY-NC-4.0"` followed further down
        by `"weights_license": "Apache-2.0"` would pass every common validator.

    Example:
        `{"weights_license": "CC-BY-NC-4.0", "weights_license": "Apache-2.0"}`

    Remedy:
        Find out which value is true, and keep that one.
    """
    return _of_kind(error, ProblemKind.DUPLICATE_KEY)


def input_unsafe_text(error: MalformedInput) -> Iterator[Complaint]:
    r"""What it checks:
        No string holds control characters, bidirectional overrides, invisible characters or lone surrogates.

    Why it is NO-GO:
        Such text looks other than it is: to the person who reviews it, on a terminal, in a CI log.

    Example:
        `"model_id": "voice\u202e3v"` is shown as `voicev3`.

    Remedy:
        Write the value without the character that the message names.
    """
    return _of_kind(error, ProblemKind.UNSAFE_TEXT)


def manifest_shape(error: MalformedInput) -> Iterator[Complaint]:
    """What it checks:
        The document has the shape of a weights manifest: the nine required fields, no unknown ones, values of the right
        kind. The shape is published as a JSON Schema: `helix-tts-policy schema weights-manifest`.

    Why it is NO-GO:
        A statement that is missing was not made, and a misspelt one was not understood.

    Example:
        `"commercial_use_allowed": "yes"` is a string where true or false is due.

    Remedy:
        Correct the field that the message names. `helix-tts-policy manifest new` writes a manifest of the right shape.
    """
    return _of_kind(error, ProblemKind.SHAPE)


def policy_shape(error: MalformedInput) -> Iterator[Complaint]:
    """What it checks:
        The document has the shape of a policy file: no unknown keys, values of the right kind. The shape is published as a
        JSON Schema: `helix-tts-policy schema license-policy`.

    Why it is NO-GO:
        A misspelt key was not understood, and a policy that is understood in part is another policy.

    Example:
        `expires_on = "2027-01-31"` is a string where a date is due.

    Remedy:
        Correct the key that the message names.
    """
    return _of_kind(error, ProblemKind.POLICY)


def card_shape(error: MalformedInput) -> Iterator[Complaint]:
    """What it checks:
        A model card begins with front matter: a line of three hyphens, fields in YAML, another line of three hyphens.

    Why it is NO-GO:
        Where one reader finds the front matter and another none, or another end of it, they find two licences.

    Example:
        A card that begins with its title, `# MusicGen`.

    Remedy:
        Take the card as the hub serves it, unchanged.
    """
    return _of_kind(error, ProblemKind.CARD)


def status_shape(error: MalformedInput) -> Iterator[Complaint]:
    """What it checks:
        A status file is an object that says how the run stands, under `status`, `state` or `objective_status`; known fields
        have their types, unknown ones are taken as they are.

    Why it is NO-GO:
        What has another type than it should was not written by a lane that is known.

    Example:
        `{"job_type": "tts_prod_train", "artifacts": "out/voice.nemo"}`

    Remedy:
        Write the file with `write_train_status`, which writes only what is read back.
    """
    return _of_kind(error, ProblemKind.STATUS)


def release_shape(error: MalformedInput) -> Iterator[Complaint]:
    """What it checks:
        The document has the shape of a release file: no unknown keys, values of the right kind. The shape is published as a
        JSON Schema: `helix-tts-policy schema release`.

    Why it is NO-GO:
        A misspelt key was not understood, and the evidence that it names would not be looked at.

    Example:
        `[ledgr]` with `file = "ledger.md"`.

    Remedy:
        Correct the key that the message names.
    """
    return _of_kind(error, ProblemKind.RELEASE)


def verification_shape(error: MalformedInput) -> Iterator[Complaint]:
    """What it checks:
        A verifier's answer is one object with its fields of the right kinds, or a training trace whose lines are records.

    Why it is NO-GO:
        What the verifier did not write certifies nothing, and of two answers nobody knows which one counts.

    Example:
        `{"verdict": "PASS", "certificate": "6e84f965"}`

    Remedy:
        Let the verifier run again, and keep its answer as it is.
    """
    return _of_kind(error, ProblemKind.VERIFICATION)


def decision_shape(error: MalformedInput) -> Iterator[Complaint]:
    """What it checks:
        A decision document has its schema, its time, its content, and the SHA-256 of that content in canonical form (RFC 8785).

    Why it is NO-GO:
        A document whose digest is another one was changed after the decision.

    Example:
        `"verdict":"NO-GO"` changed to `"verdict":"GO"` in an editor.

    Remedy:
        Get the document as it was written.
    """
    return _of_kind(error, ProblemKind.DECISION)


def training_config_shape(error: MalformedInput) -> Iterator[Complaint]:
    """What it checks:
        The document has the shape of a training configuration: no unknown keys, values of the right kind. The shape is
        published as a JSON Schema: `helix-tts-policy schema nemo-training`.

    Why it is NO-GO:
        A misspelt key was not understood, and what is trained then is not what somebody ordered.

    Example:
        `batchsize = 8` under `[fastpitch]`

    Remedy:
        Correct the key that the message names.
    """
    return _of_kind(error, ProblemKind.TRAINING_CONFIG)


def dataset_row_shape(error: MalformedInput) -> Iterator[Complaint]:
    """What it checks:
        Every line of a data set's manifest is an object with the path of a recording (`audio_filepath`) and what is said in
        it (`text`); `normalized_text`, `duration` and `speaker` have their types where they stand.

    Why it is NO-GO:
        A row that is not understood is one that nobody checked, and NeMo names neither file nor line when it fails on it.

    Example:
        `{"audio_filepath": "wavs/0017.wav", "txt": "good morning"}`

    Remedy:
        Correct the line that the message names.
    """
    return _of_kind(error, ProblemKind.DATASET)


def bundle_shape(error: MalformedInput) -> Iterator[Complaint]:
    """What it checks:
        The manifest of a voice bundle names its format, `voice_bundle/1` or `prod_tts_voice_bundle/1`, and has the shape of
        it: the required fields, no unknown ones, values of the right kind. The shapes are published as JSON Schemas:
        `helix-tts-policy schema voice-bundle` and `helix-tts-policy schema prod-tts-voice-bundle`.

    Why it is NO-GO:
        A statement that is missing was not made, and a misspelt one was not understood.

    Example:
        `"bundle_version": "voice_bundle/2"`

    Remedy:
        Correct the field that the message names. `helix-tts-policy bundle build` writes a manifest of the right shape.
    """
    return _of_kind(error, ProblemKind.BUNDLE)


def bundle_manifest_missing(error: MalformedInput) -> Iterator[Complaint]:
    """What it checks:
        The folder of a voice bundle has a file `manifest.json`.

    Why it is NO-GO:
        Without it nothing says which files belong to the voice, and what they should be.

    Example:
        A folder into which somebody copied `voice.nemo` and `sample.wav`.

    Remedy:
        Name the folder of the bundle itself, or build one with `helix-tts-policy bundle build`.
    """
    return _of_kind(error, ProblemKind.NO_BUNDLE)


def _of_kind(error: MalformedInput, kind: ProblemKind) -> Iterator[Complaint]:
    for problem in error.problems:
        if problem.kind is kind:
            yield Complaint(problem.path, problem.message, problem.tip)
