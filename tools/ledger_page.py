"""The page of the execution ledger: what is read of one, under which names, and within which bounds."""

from __future__ import annotations

from tools.page_text import NOTICE, table

from helix_tts_policy.blocker_record import BlockerState
from helix_tts_policy.facts.execution_ledger import MAX_LEDGER_BYTES
from helix_tts_policy.facts.ledger_markdown import MAX_LINES
from helix_tts_policy.facts.ledger_words import ALIASES, FIELDS, LIST_FIELDS

PAGE = "docs/reference/ledger.md"

INTRODUCTION = """# The execution ledger

A Markdown file that reports on work in numbered prompts: a table with a row for each, and a report block for each that ended.
[How to audit one](../how-to/audit-a-ledger.md). Its parts may stand in any order:

| part | is found by |
| --- | --- |
| execution table | a column for the prompt, and one for the status or the commit; there may be several |
| report block | fenced YAML, or a list of `key: value`, with a `prompt_id` or below a heading such as `Prompt 3` |
| template | a report block in which every value is a placeholder such as `<hash>`, or `none`; it is no report |
| checklist | items with a box, `- [ ]` or `- [x]` |
| blocker policy | the list below a heading with these two words |
| baseline | a line that begins with `Baseline`, such as `Baseline lock: origin/main@dc2a2f13` |
| scope | the list below a heading or line that begins with `Scope` |

Headings and paragraphs are for people. Everything else that is not one of these parts is told by
[`ledger-not-understood`](rules/ledger-not-understood.md), and by
[`ledger-evidence-not-understood`](rules/ledger-evidence-not-understood.md) where it seems to speak of a prompt.
"""

VALUES = f"""
## Values

- **Ids** read `3`, `prompt-3` or `Prompt 3`.
- **Statuses** are {", ".join(f"`{state.value}`" for state in BlockerState)}; capitals, blanks and underscores do not matter.
- **Remarks** may follow a value in parentheses: `done (closure)`. Backticks, bold and links around a value are not part of it.
- **None** is said by `none`, `null`, `~`, a dash, nothing at all, or a placeholder in angle brackets.
- **Hashes** may be abbreviated: seven digits or more, or fewer with dots behind them (`6e84f...`).
- **Integrity** is true where `true` stands without quotes, and in no other case.

A block that is no strict YAML (a colon and a blank in a value without quotes, for example) is read line by line and told by
[`ledger-block-not-yaml`](rules/ledger-block-not-yaml.md). A key that stands twice is an error.

## Bounds

UTF-8, at most {MAX_LEDGER_BYTES // 1024 // 1024} MiB and {MAX_LINES:,} lines; no characters that nobody sees. What is larger
is refused with exit code 2. What nests deeper than ten lists is told and not read.
"""


def pages() -> dict[str, str | None]:
    """The page by its path."""
    rows = []
    for name in (*FIELDS, *(name for name in ALIASES if name not in FIELDS)):
        kind = "a list, or one value" if name in LIST_FIELDS else "one value"
        names = ", ".join(f"`{alias}`" for alias in ALIASES[name])
        rows.append((f"`{name}`", kind if name in FIELDS else "read, and looked at by no rule", names))
    fields = "\n## Fields\n\nColumns and keys are found whatever capitals, blanks, hyphens and underscores they are written with.\n\n"
    return {PAGE: NOTICE + INTRODUCTION + fields + table(("field", "holds", "other names"), rows) + VALUES}
