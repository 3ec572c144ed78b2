"""A policy file: what is told of one that is wrong, and what the one that is right says."""

from __future__ import annotations

import hashlib
import os
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from helix_tts_policy import MalformedInput, PolicyError, PolicyReport, default_policy, load_policy, verify_policy
from helix_tts_policy.policy_report import POLICY_REPORT_SCHEMA
from helix_tts_policy.rules.policy_registry import POLICY_READING_RULES, POLICY_RULES, WAIVABLE_RULES
from helix_tts_policy.rules.registry import LICENSE_RULES, READING_RULES

if TYPE_CHECKING:
    from typing import Any

HERE = Path(__file__).parent
EXAMPLES = HERE / "examples"
NOW = datetime(2026, 11, 24, tzinfo=UTC)
VERSION = 'schema_version = "license-policy/1"\n'


def rejected() -> list[Path]:
    return sorted(file for file in EXAMPLES.glob("policy-*/reject/**/*.toml") if "entry-unused" not in str(file))


def told(report: PolicyReport) -> list[str]:
    return [
        f"{finding.at.line}:{finding.at.column} {finding.at.path} {finding.severity.value} {finding.rule}: "
        f"{finding.message}; {finding.tip}"
        for finding in report.findings
    ]


def checked(tmp_path: Path, text: str, now: datetime | None = NOW) -> PolicyReport:
    file = tmp_path / "policy.toml"
    file.write_text(text, encoding="utf-8")
    return verify_policy(file, now=now)


def test_every_finding_says_where_what_was_found_what_was_expected_and_what_to_do() -> None:
    lines = []
    for file in rejected():
        lines += [str(file.relative_to(EXAMPLES)), *(f"  {line}" for line in told(verify_policy(file, now=NOW)))]

    assert "\n".join(lines) + "\n" == (HERE / "golden" / "policy-findings.txt").read_text(encoding="utf-8")


def test_the_example_policy_says_what_it_says() -> None:
    policy = load_policy(EXAMPLES / "policy-shape" / "accept" / "every-table.toml")

    assert policy.gates["weights"].allow == frozenset({"Apache-2.0", "CC-BY-4.0", "LicenseRef-Acme-Voice-2.0"})
    assert policy.gates["weights"].obligations == default_policy().gates["weights"].obligations
    assert policy.gates["code"].allow is None
    assert policy.gates["code"].deny == {"WTFPL"}
    assert policy.gates["code"].obligations == {"weak_copyleft", "share_alike"}
    assert policy.errors == {"revision-missing"}
    assert policy.max_evidence_age_days == 180
    assert [item.license for item in policy.clarifications] == ["LicenseRef-Acme-Voice-2.0"]
    assert [item.attested_on for item in policy.attestations] == [date(2026, 11, 1)]
    assert [item.expires_on for item in policy.waivers] == [date(2027, 1, 31)]
    assert policy.nemo_blocked is not None
    assert policy.nemo_blocked.owner == "speech@acme-voices.com"


def test_nemo_is_blocked_up_to_the_last_day_that_the_policy_names() -> None:
    policy = load_policy(EXAMPLES / "policy-shape" / "accept" / "every-table.toml")

    assert policy.nemo_blocked_on(date(2026, 12, 31)) == "nemo_runtime_unavailable:no driver for it until the move"
    assert policy.nemo_blocked_on(date(2027, 1, 1)) is None
    assert default_policy().nemo_blocked_on(date(2026, 12, 31)) is None


def test_a_policy_is_known_by_the_digest_of_its_bytes() -> None:
    file = EXAMPLES / "policy-shape" / "accept" / "no-more-than-the-version.toml"
    policy = load_policy(str(file))

    assert (policy.name, policy.sha256) == (str(file), hashlib.sha256(file.read_bytes()).hexdigest())
    assert policy.gates == default_policy().gates


def test_a_report_is_plain_json_and_names_the_bytes(tmp_path: Path) -> None:
    report = checked(tmp_path, VERSION + 'errors = ["no-such-rule"]\n')
    source = str(tmp_path / "policy.toml")
    data = (tmp_path / "policy.toml").read_bytes()

    assert report.policy is None
    assert report.to_dict() == {
        "schema": POLICY_REPORT_SCHEMA,
        "source": source,
        "verdict": "NO-GO",
        "findings": [
            {
                "rule": "policy-rule-unknown",
                "severity": "error",
                "message": 'found the rule "no-such-rule", which does not exist; expected one that `helix-tts-policy rules` lists',
                "at": {"source": source, "path": "/errors/0", "line": 2, "column": 11},
                "tip": "correct the id",
            }
        ],
        "pinned": {"policy": {"name": source, "sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}},
    }


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (b"", "None:None  error input-syntax: is empty; expected one TOML document; write the document"),
        (b"\xef\xbb\xbfx = 1", "1:1  error input-encoding: begins with a byte order mark (EF BB BF); expected plain UTF-8; save the document as UTF-8 without a byte order mark"),
        (b"a = 1\nb = caf\xe9", "2:8  error input-encoding: byte 0xe9 at offset 13 is no UTF-8; save the document as UTF-8 without a byte order mark"),
        (b"a = 1\na = 2\n", "2:6  error input-duplicate-key: a key or table stands twice: cannot overwrite a value; expected each once; keep the one value that is true"),
        (b"a = [1,", "1:8  error input-syntax: is no TOML: invalid value; check the text against https://toml.io/en/v1.0.0"),
        (b"a = " + b"[" * 5000, "None:None  error input-syntax: nests deeper than 64 levels; check the text against https://toml.io/en/v1.0.0"),
        (b"a = " + b"[" * 70 + b"]" * 70, "None:None  error input-syntax: nests deeper than 64 levels; check the text against https://toml.io/en/v1.0.0"),
        (b"a = " + b"1" * 5000, "None:None  error input-syntax: holds a whole number that is too long; expected one of at most 64 bits; check the text against https://toml.io/en/v1.0.0"),
        ("a = 1 # \u202e".encode(), "1:9  error input-unsafe-text: holds U+202E, which makes the text look other than it is; expected visible characters; write the text without it"),
    ],
)  # fmt: skip
def test_what_is_no_toml_is_told_with_its_place(tmp_path: Path, data: bytes, line: str) -> None:
    (tmp_path / "policy.toml").write_bytes(data)
    report = verify_policy(tmp_path / "policy.toml", now=NOW)

    assert told(report) == [line]
    assert report.policy is None
    assert report.readable == ("input-unsafe-text" in line or "input-duplicate-key" in line)


def test_a_policy_that_is_none_is_told(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")

    assert told(verify_policy(tmp_path / "fifo")) == [
        "None:None  error input-unreadable: is a FIFO; expected a regular file; name the document itself"
    ]
    assert verify_policy(tmp_path / "none").pinned() == {
        "policy": {"name": str(tmp_path / "none"), "sha256": None, "bytes": None}
    }


def test_a_policy_of_two_megabytes_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "policy.toml").write_bytes(b"#" * 2_000_000)

    assert told(verify_policy(tmp_path / "policy.toml")) == [
        "None:None  error input-unreadable: holds 2000000 bytes; expected at most 1048576; check that this is the document you meant"
    ]


def test_without_a_day_nothing_is_said_of_days(tmp_path: Path) -> None:
    text = (EXAMPLES / "policy-entry-expired" / "reject" / "waiver-of-last-year.toml").read_text(encoding="utf-8")

    assert told(checked(tmp_path, text, now=None)) == []
    assert len(told(checked(tmp_path, text))) == 1


def test_a_report_vouches_for_a_policy_that_can_be_used_and_for_no_other(tmp_path: Path) -> None:
    checked(tmp_path, VERSION).raise_for_verdict()
    report = checked(tmp_path, VERSION + 'errors = ["one", "two"]\n')
    with pytest.raises(PolicyError) as caught:
        report.raise_for_verdict()

    assert str(caught.value) == (
        f'NO-GO: {tmp_path / "policy.toml"}: policy-rule-unknown: found the rule "one", which does not exist; '
        "expected one that `helix-tts-policy rules` lists (and 1 more)"
    )


def test_loading_tells_all_errors_and_no_warning(tmp_path: Path) -> None:
    text = VERSION + 'errors = ["one"]\n[gates.weights]\nallow = ["CC-BY-NC-4.0", "apache-2.0"]\n'
    file = tmp_path / "policy.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(MalformedInput) as caught:
        load_policy(file)

    assert [(problem.line, problem.message) for problem in caught.value.problems] == [
        (2, 'policy-rule-unknown: found the rule "one", which does not exist; expected one that `helix-tts-policy rules` lists'),
        (4, 'policy-license-unknown: found "apache-2.0"; expected the spelling Apache-2.0'),
    ]  # fmt: skip


def test_warnings_leave_a_policy_usable(tmp_path: Path) -> None:
    report = checked(tmp_path, VERSION + '[gates.weights]\nallow = ["CC-BY-NC-4.0"]\n')

    assert [finding.rule for finding in report.findings] == ["policy-allowance-unused"]
    assert report.policy is not None


def clarification(text: str) -> str:
    return (
        VERSION
        + '[[clarifications]]\nlicense = "LicenseRef-A"\nsame_as = "MIT"\nevidence_url = "https://a-voices.com/a"\n'
        f'sha256 = "{hashlib.sha256(b"the text").hexdigest()}"\ntext = "{text}"\nowner = "a"\nreviewed_on = 2026-11-01\n'
    )


def test_a_copy_is_read_below_the_policys_folder_only(tmp_path: Path) -> None:
    (tmp_path / "outside.txt").write_bytes(b"the text")
    folder = tmp_path / "policy"
    folder.mkdir()
    (folder / "inside.txt").write_bytes(b"the text")
    (folder / "link.txt").symlink_to("inside.txt")
    (folder / "out.txt").symlink_to("../outside.txt")
    os.mkfifo(folder / "fifo")
    said = {}
    for name in (
        "inside.txt",
        "link.txt",
        "out.txt",
        "fifo",
        "none.txt",
        "/etc/hostname",
        "a/../inside.txt",
        "a\\u0001",
    ):
        report = checked(folder, clarification(name))
        said[name] = [finding.message for finding in report.findings]

    expected = "expected the text that was reviewed"
    assert said == {
        "inside.txt": [],
        "link.txt": [],
        "out.txt": [f'found "out.txt": it leads out of the policy\'s folder; {expected}'],
        "fifo": [f'found "fifo": not a regular file; {expected}'],
        "none.txt": [f'found "none.txt": it cannot be read: No such file or directory; {expected}'],
        "/etc/hostname": [f'found "/etc/hostname": it is no path below the policy\'s folder; {expected}'],
        "a/../inside.txt": [f'found "a/../inside.txt": it is no path below the policy\'s folder; {expected}'],
        "a\\u0001": ["holds U+0001, which makes the text look other than it is; expected visible characters"],
    }  # fmt: skip


def test_misuse_is_told_apart_from_bad_input(tmp_path: Path) -> None:
    file: Any = bytes(tmp_path / "policy.toml")
    with pytest.raises(TypeError, match=r"^path: expected a path of text, found one of bytes$"):
        verify_policy(file)
    with pytest.raises(ValueError, match=r"^now: expected a time with offset$"):
        verify_policy(tmp_path, now=datetime(2026, 11, 24))  # noqa: DTZ001 - the point of this test
    day: Any = date(2026, 11, 24)
    with pytest.raises(TypeError, match=r"^now: expected a datetime, found date$"):
        verify_policy(tmp_path, now=day)
    with pytest.raises(TypeError, match=r"^a report is about a policy, or about why there is none$"):
        PolicyReport("policy.toml", b"")


def test_the_tables_say_what_can_be_waived() -> None:
    assert [rule.id for rule in POLICY_READING_RULES[:-1]] == [rule.id for rule in READING_RULES[:-1]]
    assert all(rule.id.startswith("policy-") for rule in POLICY_RULES)
    assert not [
        rule for rule in WAIVABLE_RULES if rule.startswith("weights-") or "digest" in rule or "checksum" in rule
    ]
    assert {rule.id for rule in LICENSE_RULES} - WAIVABLE_RULES == {
        "weights-license-forbidden",
        "weights-license-conditional",
        "weights-license-unclear",
    }
