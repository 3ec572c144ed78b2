"""The blocker machine: what it does step by step, what it refuses, and that it agrees with a model written otherwise."""

from __future__ import annotations

import json
from dataclasses import FrozenInstanceError, fields, is_dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from helix_tts_policy import (
    BlockerEvent,
    BlockerRecord,
    BlockerState,
    BlockerStep,
    Constraint,
    Hardness,
    IllegalTransition,
    advance,
    load_policy,
    read_verification,
    replay,
)
from helix_tts_policy.blocker import TRANSITIONS
from helix_tts_policy.blocker_reasons import (
    BUILT_IN_REASONS,
    MAX_REASON_LENGTH,
    ReasonKind,
    WrittenReason,
    is_code,
    parse_reason,
)
from helix_tts_policy.blocker_record import Proof

if TYPE_CHECKING:
    from collections.abc import Collection

HERE = Path(__file__).parent
FOLDER = HERE / "conformance" / "blocker"
CASES: list[dict[str, Any]] = [
    case | {"id": f"{file.stem}: {case['name']}"}
    for file in sorted(FOLDER.glob("*.json"))
    for case in json.loads(file.read_text(encoding="utf-8"))["cases"]
]
HASH = "6e84f965957f63aad452981d2ede72e62f706d32e0a5b6b469899884e12a4e45"
PASSES = Proof(verdict="PASS", certificate_hash=HASH, integrity=True)
FAILS = Proof(verdict="FAIL", failed_constraint="energy", substance="a")
START = BlockerStep(event=BlockerEvent.START)


def proof(stated: dict[str, Any] | None) -> Proof | None:
    if stated is None:
        return None
    brought: dict[str, Any] = stated | {key: tuple(stated.get(key, ())) for key in ("proxies", "reservations")}
    return Proof(**brought)


def taken(
    record: BlockerRecord, step: BlockerStep, reasons: Collection[str] = BUILT_IN_REASONS
) -> BlockerRecord | IllegalTransition:
    """The record after a step, or the error that it raises."""
    try:
        return replay(record, [step], reasons=reasons)
    except IllegalTransition as error:
        return error


def started() -> BlockerRecord:
    return advance(BlockerRecord(item="prompt-3", inputs="dc2a2f13"), BlockerEvent.START)


# --- step by step -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_conformance(case: dict[str, Any]) -> None:
    constraints = tuple(
        Constraint(id=each["id"], hardness=Hardness(each["hardness"])) for each in case.get("constraints", ())
    )
    record = BlockerRecord(item=case["name"], constraints=constraints)
    reasons = {*BUILT_IN_REASONS, *case.get("reasons", ())}
    for told in case["steps"]:
        step = BlockerStep(
            event=BlockerEvent(told["event"]),
            evidence=proof(told.get("evidence")),
            reason=told.get("reason"),
            resolution=told.get("resolution"),
            ran=tuple(told["ran"]) if "ran" in told else None,
        )
        after = taken(record, step, reasons)
        if isinstance(after, IllegalTransition):
            assert list(after.problems) == told.get("illegal")
            assert after.record is record
        else:
            assert (after.state, list(after.open_reasons)) == (told.get("state"), told.get("open"))
            assert after.attempts[:-1] == record.attempts
            record = after


def test_every_transition_is_shown_by_a_case() -> None:
    shown = set()
    for case in CASES:
        state = "pending"
        for step in case["steps"]:
            if "state" in step:
                shown.add((state, step["event"], step["state"]))
                state = step["state"]

    assert shown == {
        (state, event, way.to)
        for state, events in TRANSITIONS.items()
        for event, ways in events.items()
        for way in ways
    }


def test_the_table_knows_every_state_and_ends_in_done() -> None:
    assert list(TRANSITIONS) == list(BlockerState)
    assert [state for state, events in TRANSITIONS.items() if not events] == [BlockerState.DONE]
    assert {event for events in TRANSITIONS.values() for event in events} == set(BlockerEvent)
    assert [state.value for state in BlockerState] == ["pending", "in_progress", "partial-blocked", "blocked", "done"]


def test_only_done_is_promotable() -> None:
    part = advance(started(), BlockerEvent.SHIP_PART, reason="out_of_disk")

    assert [state for state in BlockerState if state.promotable] == [BlockerState.DONE]
    assert not part.promotable
    assert advance(started(), BlockerEvent.FINISH, evidence=PASSES).promotable


def test_the_error_says_what_was_missing_and_what_is_legal() -> None:
    with pytest.raises(IllegalTransition) as caught:
        advance(started(), BlockerEvent.FINISH, evidence=Proof(verdict="PASS", certificate_hash=HASH, integrity="true"))

    assert str(caught.value) == (
        'prompt-3: finish cannot be taken in the state in_progress: integrity is "true"; expected exactly true; '
        "legal in in_progress: fail, finish, raise, resolve, ship_part, block"
    )
    assert caught.value.legal is TRANSITIONS[BlockerState.IN_PROGRESS]
    assert caught.value.step.event is BlockerEvent.FINISH


def test_done_is_final_for_its_inputs_and_changed_inputs_make_a_new_item() -> None:
    done = advance(started(), BlockerEvent.FINISH, evidence=PASSES)
    with pytest.raises(
        IllegalTransition,
        match=r"^prompt-3: start cannot be taken in the state done: no transition of the state has it; "
        r"legal in done: nothing, since it is final for these inputs$",
    ):
        advance(done, BlockerEvent.START)

    fresh = done.renewed("463434b")
    assert (fresh.item, fresh.inputs, fresh.state, fresh.attempts) == ("prompt-3", "463434b", "pending", ())
    with pytest.raises(ValueError, match=r"^inputs: are those of the record; expected changed ones$"):
        done.renewed("dc2a2f13")


def test_an_attempt_keeps_what_was_brought_along() -> None:
    at = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
    record = advance(started(), BlockerEvent.RAISE, reason="out_of_disk:/data")
    record = advance(record, BlockerEvent.BLOCK, reason="out_of_disk:/data", at=at)
    record = advance(record, BlockerEvent.RESOLVE, reason="out_of_disk:/data", resolution="200 GB freed", at=at)
    did = [(each.before, each.after, each.opened, each.closed) for each in record.attempts]
    resolve = record.attempts[-1]

    assert did == [
        ("pending", "in_progress", "", ""),
        ("in_progress", "in_progress", "out_of_disk:/data", ""),
        ("in_progress", "blocked", "", ""),
        ("blocked", "in_progress", "", "out_of_disk:/data"),
    ]
    assert (resolve.step.resolution, resolve.step.at) == ("200 GB freed", at)


def test_what_is_to_be_fixed_is_what_failed_last() -> None:
    record = started()
    assert record.to_fix is None
    record = advance(record, BlockerEvent.FAIL, evidence=FAILS)
    assert record.to_fix == "energy"
    record = advance(record, BlockerEvent.RAISE, reason="out_of_disk")
    assert record.to_fix == "energy"
    record = advance(record, BlockerEvent.RESOLVE, reason="out_of_disk", resolution="freed")
    assert advance(record, BlockerEvent.FINISH, evidence=PASSES).to_fix is None


def test_records_cannot_be_changed() -> None:
    record = advance(started(), BlockerEvent.FAIL, evidence=FAILS)
    for thing in (record, record.attempts[0], record.attempts[1].step, record.attempts[1].step.evidence):
        assert is_dataclass(thing)
        for field in fields(thing):
            with pytest.raises(FrozenInstanceError):
                setattr(thing, field.name, None)


def test_a_read_verification_is_evidence() -> None:
    answer = {
        "traceId": "adapter:1",
        "verdict": "PASS",
        "pass": True,
        "certificate": {"certificateHash": HASH, "integrityOk": True},
    }
    evidence = read_verification(json.dumps(answer).encode())
    record = advance(started(), BlockerEvent.FINISH, evidence=evidence)

    assert record.attempts[-1].step.evidence == Proof(
        verdict="PASS", certificate_hash=HASH, integrity=True, substance=evidence.substance, trace_id="adapter:1"
    )


def test_a_failure_that_is_read_twice_is_no_progress() -> None:
    answer = {
        "verdict": "FAIL",
        "pass": False,
        "firstFail": {"id": "energy", "severity": "HARD", "value": 3, "limit": 2},
    }
    record = started()
    for run in ("adapter:1", "adapter:2"):
        evidence = read_verification(json.dumps(answer | {"traceId": run, "runId": run[-1]}).encode())
        record = advance(record, BlockerEvent.FAIL, evidence=evidence)

    assert (record.state, record.open_reasons) == ("blocked", ("no_progress:energy",))


# --- misuse -----------------------------------------------------------------------------------------------------------


def test_misuse_is_no_illegal_transition() -> None:
    record: Any = started()
    event: Any = "stop"
    wrong: Any = {"verdict": "PASS"}
    number: Any = 7
    with pytest.raises(ValueError, match=r"^'stop' is not a valid BlockerEvent$"):
        advance(record, event)
    with pytest.raises(TypeError, match=r"^evidence: expected what read_verification gives, found dict$"):
        advance(record, BlockerEvent.FINISH, evidence=wrong)
    with pytest.raises(TypeError, match=r"^reason: expected a text, found int$"):
        advance(record, BlockerEvent.BLOCK, reason=number)
    with pytest.raises(TypeError, match=r"^resolution: expected a text, found int$"):
        advance(record, BlockerEvent.RESOLVE, reason="out_of_disk", resolution=number)
    with pytest.raises(TypeError, match=r"^ran: expected the names of constraints, found one text$"):
        advance(record, BlockerEvent.FINISH, evidence=PASSES, ran="energy")
    with pytest.raises(ValueError, match=r"^at: expected a time with offset$"):
        advance(record, BlockerEvent.FINISH, evidence=PASSES, at=datetime(2026, 11, 24))  # noqa: DTZ001 - the point
    with pytest.raises(ValueError, match=r"^item: expected a name$"):
        BlockerRecord(item=" ")
    neither: Any = "MEDIUM"
    with pytest.raises(ValueError, match=r"^'MEDIUM' is not a valid Hardness$"):
        Constraint(id="energy", hardness=neither)
    hard = Constraint(id="energy", hardness=Hardness.HARD)
    with pytest.raises(ValueError, match=r'^constraints: "energy" is declared twice$'):
        BlockerRecord(item="prompt-3", constraints=(hard, hard))


def test_an_event_may_be_given_by_its_name() -> None:
    named: Any = "start"

    assert advance(BlockerRecord(item="a"), named).attempts[0].step.event is BlockerEvent.START


def test_replay_stops_at_the_first_step_that_is_not_legal() -> None:
    steps = [START, BlockerStep(event=BlockerEvent.FINISH, evidence=FAILS), START]
    with pytest.raises(IllegalTransition) as caught:
        replay(BlockerRecord(item="a"), steps)

    assert caught.value.step.event is BlockerEvent.FINISH
    assert [each.step for each in caught.value.record.attempts] == [START]


# --- reasons ----------------------------------------------------------------------------------------------------------


def test_the_catalogue_tells_of_every_code_what_it_means_and_what_to_do() -> None:
    assert list(BUILT_IN_REASONS) == [reason.code for reason in BUILT_IN_REASONS.values()]
    assert len(BUILT_IN_REASONS) == 50
    assert {reason.kind for reason in BUILT_IN_REASONS.values()} == set(ReasonKind)
    for code, reason in BUILT_IN_REASONS.items():
        assert is_code(code)
        assert reason.owner == ""
        for sentence in (reason.meaning, reason.remedy):
            assert sentence[0].isupper()
            assert sentence.endswith(".")
            assert sentence.isascii()
    meanings = [reason.meaning for reason in BUILT_IN_REASONS.values()]
    assert len(set(meanings)) == len(meanings)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("out_of_disk", ("out_of_disk", "")),
        ("out_of_disk:/data", ("out_of_disk", "/data")),
        ("audio_silent:a:b c", ("audio_silent", "a:b c")),
        ("a1_2b", ("a1_2b", "")),
        ("x:" + "y" * (MAX_REASON_LENGTH - 2), ("x", "y" * (MAX_REASON_LENGTH - 2))),
        ("x:" + "y" * (MAX_REASON_LENGTH - 1), None),
        ("x" * 64, ("x" * 64, "")),
        ("x" * 65, None),
        ("", None),
        (":detail", None),
        ("out_of_disk:", None),
        ("out_of_disk: /data", None),
        ("out_of_disk:/data ", None),
        ("out_of_disk\n", None),
        ("Out_of_disk", None),
        ("_out", None),
        ("out_", None),
        ("out__of", None),
        ("1out", None),
        ("out-of-disk", None),
        ("\u0661", None),
    ],
)
def test_a_reason_is_a_code_with_or_without_a_detail(text: str, parts: tuple[str, str] | None) -> None:
    assert parse_reason(text) == parts


@given(st.text(max_size=40), st.text(max_size=40))
def test_a_reason_that_was_read_is_written_as_it_stood(code: str, detail: str) -> None:
    for text in (code, f"{code}:{detail}", f"out_of_disk:{detail}"):
        read = parse_reason(text)
        assert read is None or str(read) == text


def test_a_written_reason_is_read_in_its_parts() -> None:
    assert parse_reason(str(WrittenReason("out_of_disk", "/data"))) == WrittenReason("out_of_disk", "/data")


def test_a_team_adds_reasons_in_its_policy() -> None:
    policy = load_policy(HERE / "examples" / "policy-reason-refused" / "accept" / "own-code.toml")
    added = policy.reasons["acme_gpu_quota_used_up"]

    assert (added.kind, added.owner) == ("operator", "platform@acme-voices.com")
    assert added.remedy == "Ask the platform team for more, or wait for the next month."
    assert set(policy.reasons) == {*BUILT_IN_REASONS, "acme_gpu_quota_used_up", "studio2_closed"}
    assert all(policy.reasons[code] is reason for code, reason in BUILT_IN_REASONS.items())
    blocked = advance(started(), BlockerEvent.BLOCK, reason="acme_gpu_quota_used_up", reasons=policy.reasons)
    assert blocked.open_reasons == ("acme_gpu_quota_used_up",)
    with pytest.raises(IllegalTransition, match="whose code the catalogue does not know"):
        advance(started(), BlockerEvent.BLOCK, reason="acme_gpu_quota_used_up")


# --- laws -------------------------------------------------------------------------------------------------------------

REASONS = ("out_of_disk", "out_of_disk:/data", "nemo_runtime_unavailable", "no_progress:a", "nobody_knows", "In words")
VALUES = st.sampled_from([True, None, False, "true", 1, "skipped", "unknown"])
HASHES = st.sampled_from([HASH, HASH, HASH, None, "", "6e84f...", "0" * 64])
PROOFS = st.builds(
    Proof,
    verdict=st.sampled_from(["PASS", "PASS", "FAIL", "FAIL", None, "pass"]),
    certificate_hash=HASHES,
    integrity=st.one_of(st.just(True), VALUES),
    proxies=st.sampled_from([(), (), (), ("signal",), ("source",)]),
    reservations=st.sampled_from([(), (), (), ("it says two things",)]),
    failed_constraint=st.sampled_from(["a", "b", None]),
    substance=st.sampled_from(["one", "two", ""]),
)
CERTIFYING = st.just(PASSES)
CONSTRAINTS = st.sampled_from(
    [
        (),
        (Constraint(id="b", hardness=Hardness.SOFT), Constraint(id="a", hardness=Hardness.HARD)),
        (Constraint(id="a", hardness=Hardness.HARD),),
    ]
)
RUNS = st.sampled_from([None, (), ("a",), ("a", "b"), ("b", "a")])


class Model:
    """What the specification says, told as a story of one work item instead of as a table."""

    def __init__(self, constraints: tuple[Constraint, ...]) -> None:
        hard = [each.id for each in constraints if each.hardness == "HARD"]
        soft = [each.id for each in constraints if each.hardness == "SOFT"]
        self.order = hard + soft
        self.status = "pending"
        self.obstacles: list[str] = []
        self.seen_failures: list[tuple[str | None, str]] = []

    def happens(
        self, event: str, *, evidence: Proof | None, reason: str | None, resolution: str | None, ran: Any
    ) -> bool:
        """Whether it may; if so the model has moved."""
        waiting = self.status in {"blocked", "partial-blocked"}
        if event == "start":
            if self.status != "pending" or reason is not None:
                return False
            self.status = "in_progress"
            return True
        if event == "resolve":
            if self.status not in {"in_progress", "blocked", "partial-blocked"}:
                return False
            if reason not in self.obstacles or not (resolution or "").strip():
                return False
            self.obstacles.remove(reason)
            if waiting and not self.obstacles:
                self.status = "in_progress"
            return True
        if event == "raise":
            if not (waiting or self.status == "in_progress") or not self.is_known(reason) or reason in self.obstacles:
                return False
            self.obstacles.append(str(reason))
            return True
        if event in {"block", "ship_part"}:
            allowed_from = {"in_progress", "pending"} if event == "block" else {"in_progress"}
            if self.status not in allowed_from:
                return False
            if reason is None and not self.obstacles:
                return False
            if reason is not None and not self.is_known(reason):
                return False
            if reason is not None and reason not in self.obstacles:
                self.obstacles.append(reason)
            self.status = "blocked" if event == "block" else "partial-blocked"
            return True
        if self.status != "in_progress" or evidence is None or reason is not None:
            return False
        if event == "finish":
            proven = (
                evidence.verdict == "PASS"
                and evidence.certificate_hash == HASH
                and type(evidence.integrity) is bool
                and evidence.integrity
                and not (evidence.proxies or evidence.reservations or self.obstacles)
            )
            if not proven or (self.order and list(ran or ()) != self.order):
                return False
            self.status = "done"
            return True
        return self.fails(evidence, ran)

    def fails(self, evidence: Proof, ran: Any) -> bool:
        if evidence.verdict != "FAIL":
            return False
        name = evidence.failed_constraint
        if self.order:
            run = list(ran or ())
            if name not in run or run != self.order[: len(run)]:
                return False
        failure = (name, evidence.substance)
        if evidence.substance and failure in self.seen_failures:
            self.status = "blocked"
            stuck = f"no_progress:{name}" if name else "no_progress"
            if stuck not in self.obstacles:
                self.obstacles.append(stuck)
        self.seen_failures.append(failure)
        return True

    @staticmethod
    def is_known(reason: str | None) -> bool:
        return reason is not None and reason.split(":")[0] in BUILT_IN_REASONS


class BlockerMachine(RuleBasedStateMachine):
    """The record and the model, side by side."""

    @initialize(constraints=CONSTRAINTS)
    def begin(self, constraints: tuple[Constraint, ...]) -> None:
        self.first = self.record = BlockerRecord(item="prompt-3", inputs="dc2a2f13", constraints=constraints)
        self.model = Model(constraints)
        self.clock = datetime(2026, 11, 24, tzinfo=UTC)

    def both(
        self,
        event: str,
        evidence: Proof | None = None,
        reason: str | None = None,
        resolution: str | None = None,
        ran: tuple[str, ...] | None = None,
    ) -> None:
        before = self.record
        was = (before.state, before.open_reasons, before.attempts)
        self.clock += timedelta(minutes=1)
        may = self.model.happens(event, evidence=evidence, reason=reason, resolution=resolution, ran=ran)
        step = BlockerStep(
            event=BlockerEvent(event), evidence=evidence, reason=reason, resolution=resolution, ran=ran, at=self.clock
        )
        after = taken(before, step)

        assert may is isinstance(after, BlockerRecord)
        assert (before.state, before.open_reasons, before.attempts) == was
        if isinstance(after, BlockerRecord):
            assert after.attempts[:-1] == before.attempts
            self.record = after
        else:
            assert after.problems
            assert after.record is before

    @rule(
        event=st.sampled_from(sorted(BlockerEvent)),
        evidence=st.none() | PROOFS,
        reason=st.none() | st.sampled_from(REASONS),
        resolution=st.sampled_from([None, "", " ", "it is gone"]),
        ran=RUNS,
    )
    def anything(self, **brought: Any) -> None:
        self.both(**brought)

    @rule()
    def start(self) -> None:
        self.both("start")

    @rule(reason=st.none() | st.sampled_from(REASONS), event=st.sampled_from(["block", "ship_part", "raise"]))
    def stop(self, event: str, reason: str | None) -> None:
        self.both(event, reason=reason)

    @rule(data=st.data())
    def resolve(self, data: st.DataObject) -> None:
        if self.record.open_reasons:
            reason = data.draw(st.sampled_from(self.record.open_reasons))
            self.both("resolve", reason=reason, resolution="it is gone")

    @rule(constraint=st.sampled_from(["a", "b"]), substance=st.sampled_from(["one", "two"]), ran=RUNS)
    def fail(self, constraint: str, substance: str, ran: tuple[str, ...] | None) -> None:
        self.both("fail", Proof(verdict="FAIL", failed_constraint=constraint, substance=substance), ran=ran)

    @rule(evidence=CERTIFYING | PROOFS, ran=RUNS)
    def finish(self, evidence: Proof, ran: tuple[str, ...] | None) -> None:
        self.both("finish", evidence, ran=ran)

    @invariant()
    def they_agree(self) -> None:
        assert self.record.state.value == self.model.status
        assert list(self.record.open_reasons) == self.model.obstacles

    @invariant()
    def a_status_has_what_it_needs(self) -> None:
        waiting = self.record.state in {BlockerState.BLOCKED, BlockerState.PARTIAL_BLOCKED}
        assert not waiting or self.record.open_reasons
        assert not self.record.promotable or self.record.open_reasons == ()

    @invariant()
    def the_attempts_give_the_record_again(self) -> None:
        assert replay(self.first, [each.step for each in self.record.attempts]) == self.record


TestBlockerMachine = BlockerMachine.TestCase
TestBlockerMachine.settings = settings(max_examples=200, stateful_step_count=25)


@given(
    st.lists(
        st.builds(
            BlockerStep,
            event=st.sampled_from(BlockerEvent),
            evidence=st.none() | PROOFS,
            reason=st.none() | st.text(max_size=9),
        )
    )
)
def test_an_illegal_event_never_moves_a_record(steps: list[BlockerStep]) -> None:
    record = BlockerRecord(item="a")
    for step in steps:
        state, attempts = record.state, record.attempts
        after = taken(record, step)

        assert (record.state, record.attempts) == (state, attempts)
        if isinstance(after, IllegalTransition):
            assert after.problems
            assert str(after).isprintable()
        else:
            assert step.event in TRANSITIONS[state]
            record = after
