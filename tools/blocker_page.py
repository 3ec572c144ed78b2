"""The page of the blocker states, its diagram and the reasons, drawn from the table that the program runs by."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from tools.page_text import NOTICE, cell, table

from helix_tts_policy.blocker import TRANSITIONS
from helix_tts_policy.blocker_reasons import BUILT_IN_REASONS
from helix_tts_policy.blocker_record import BlockerEvent, BlockerState

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = "docs/reference/blocker-states.md"
DIAGRAM = "docs/reference/blocker-states.svg"

INTRODUCTION = """# Blocker states

A piece of work, such as one prompt of an execution ledger, is in one of five states. It moves by events, and only where a row
of the table below allows it and everything is there that the row needs. An event that is not legal leaves the work where it
is; the error says what was missing and which events are legal. What was tried is kept as a list of attempts that only
grows, and replaying it gives the same state again.

```python
from helix_tts_policy import BlockerEvent, BlockerRecord, advance, read_verification

record = BlockerRecord(item="prompt-3", inputs="origin/main@dc2a2f13")
record = advance(record, BlockerEvent.START)
record = advance(record, BlockerEvent.BLOCK, reason="nemo_runtime_unavailable")
record = advance(record, BlockerEvent.RESOLVE, reason="nemo_runtime_unavailable", resolution="NeMo is in the image now")
record = advance(record, BlockerEvent.FINISH, evidence=read_verification("artifacts/answer.json"))
```

`done` is final for the inputs of the work. Changed inputs make a new item, for which the old evidence proves nothing. Only
`done` may go on to promotion; a part that was shipped never does.
"""

STATES = {
    BlockerState.PENDING: "Nobody has taken it up.",
    BlockerState.IN_PROGRESS: "Somebody works on it.",
    BlockerState.PARTIAL_BLOCKED: "A safe additive part is shipped, and a reason is open.",
    BlockerState.BLOCKED: "No safe additive change is possible, and a reason is open.",
    BlockerState.DONE: "The full scope is delivered and certified.",
}

EVENTS = {
    BlockerEvent.START: "Somebody takes the work up.",
    BlockerEvent.FAIL: "The verifier says FAIL. The first failing HARD constraint is fixed next, then all of them run again.",
    BlockerEvent.FINISH: "The verifier certifies the work.",
    BlockerEvent.RAISE: "A reason shows that stands in the way.",
    BlockerEvent.RESOLVE: "Such a reason is gone.",
    BlockerEvent.SHIP_PART: "A safe additive part is delivered; the rest cannot be.",
    BlockerEvent.BLOCK: "No safe additive change is possible.",
}

REASONS = """
## Reasons

A reason is written `code` or `code:detail`; equal facts give equal codes. `permanent` means that the same inputs give the same
answer, `transient` that it may work when it is tried again, `operator` that somebody has to mend the place where it ran.
A team adds codes of its own under `[[blocker_reasons]]` in its [policy file](policy.md#entries-of-blocker_reasons); the codes here
cannot be redefined. `advance(..., reasons=policy.reasons)` takes both.

"""


def pages() -> dict[str, str]:
    """The page and its diagram, by their paths."""
    return {PAGE: page(), DIAGRAM: diagram()}


def page() -> str:
    """The page: states, events, the diagram twice, the table of transitions, the reasons."""
    states = [(f"`{state}`", STATES[state], "yes" if state.promotable else "no") for state in BlockerState]
    events = [(f"`{event}`", EVENTS[event]) for event in BlockerEvent]
    reasons = [
        (f"`{reason.code}`", reason.kind.value, cell(reason.meaning), cell(reason.remedy))
        for reason in BUILT_IN_REASONS.values()
    ]
    return "".join(
        [
            f"{NOTICE}{INTRODUCTION}\n## States\n\n",
            table(("state", "meaning", "promotable"), states),
            "\n## Events\n\n",
            table(("event", "what happened"), events),
            "\n## Transitions\n\n![The states and the events between them](blocker-states.svg)\n\n",
            table(("from", "event", "to", "needs"), transitions()),
            "\nThe same as Mermaid text:\n\n```text\n",
            mermaid(),
            "```\n",
            REASONS,
            table(("code", "kind", "meaning", "remedy"), reasons),
        ]
    )


def transitions() -> Iterator[tuple[str, str, str, str]]:
    """Every row of the machine."""
    for state, events in TRANSITIONS.items():
        for event, ways in events.items():
            for way in ways:
                needs = "; ".join(guard.needs for guard in way.guards)
                opens = f"; opens the reason `{way.opens}`" if way.opens else ""
                yield f"`{state}`", f"`{event}`", f"`{way.to}`", needs + opens
        if not events:
            yield f"`{state}`", "none", "", "it is final"


def edges() -> dict[tuple[BlockerState, BlockerState], list[str]]:
    """The events that lead from one state to another."""
    found: dict[tuple[BlockerState, BlockerState], list[str]] = {}
    for state, events in TRANSITIONS.items():
        for event, ways in events.items():
            for way in ways:
                label = f"{event} ({way.opens})" if way.opens else event.value
                found.setdefault((state, way.to), []).append(label)
    return found


def mermaid() -> str:
    """The state diagram in Mermaid's language."""
    lines = ["stateDiagram-v2", f"    [*] --> {node(BlockerState.PENDING)}"]
    lines += [f'    state "{state}" as {node(state)}' for state in BlockerState if node(state) != state]
    lines += [f"    {node(start)} --> {node(end)}: {', '.join(labels)}" for (start, end), labels in edges().items()]
    lines += [f"    {node(state)} --> [*]" for state, events in TRANSITIONS.items() if not events]
    return "\n".join(lines) + "\n"


def node(state: BlockerState) -> str:
    """A name that Mermaid takes."""
    return state.value.replace("-", "_")


# --- the picture ------------------------------------------------------------------------------------------------------

PLACES = {
    BlockerState.PENDING: (90, 130),
    BlockerState.IN_PROGRESS: (440, 130),
    BlockerState.DONE: (760, 130),
    BlockerState.BLOCKED: (160, 340),
    BlockerState.PARTIAL_BLOCKED: (680, 340),
}
"""Where the middle of each state stands; how they hang together comes from the machine."""

WIDTH, HEIGHT = 150, 44
ASIDE = 10
"""How far an arrow keeps to its right where another one comes from the opposite side."""

STYLE = (
    "text { font: 14px sans-serif; fill: #222; text-anchor: middle; dominant-baseline: central; } "
    ".state { fill: #eef2f7; stroke: #44546a; stroke-width: 1.5; } .final { stroke-width: 4; } "
    ".way { fill: none; stroke: #44546a; stroke-width: 1.5; marker-end: url(#tip); } "
    ".label { fill: #fff; }"
)


TIP = (
    '<marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" markerHeight="8" orient="auto">'
    '<path d="M0 0L10 5L0 10z" fill="#44546a"/></marker>'
)


def diagram() -> str:
    """The state diagram as SVG, for which a page needs nothing from elsewhere."""
    parts = [
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 860 450" role="img" aria-labelledby="title">',
        '<title id="title">The states and the events between them</title>',
        f"<style>{STYLE}</style>",
        f"<defs>{TIP}</defs>",
        '<rect width="860" height="450" fill="#fff"/>',
    ]
    ways = edges()
    for (start, end), labels in ways.items():
        parts += loop(start, labels) if start is end else arrow(start, end, labels, is_paired=(end, start) in ways)
    for state in BlockerState:
        x, y = PLACES[state]
        kind = "state" if TRANSITIONS[state] else "state final"
        parts.append(
            f'<rect class="{kind}" x="{x - WIDTH // 2}" y="{y - HEIGHT // 2}" width="{WIDTH}" height="{HEIGHT}" rx="8"/>'
        )
        parts.append(f'<text x="{x}" y="{y}">{state}</text>')
    return "\n".join([*parts, "</svg>", ""])


def arrow(start: BlockerState, end: BlockerState, labels: list[str], *, is_paired: bool) -> list[str]:
    """A straight way from one state to another; with its label beside it where another way leads back."""
    left, right = PLACES[start], PLACES[end]
    step = ASIDE / math.dist(left, right) if is_paired else 0
    aside_x, aside_y = (left[1] - right[1]) * step, (right[0] - left[0]) * step
    x1, y1, x2, y2 = left[0] + aside_x, left[1] + aside_y, right[0] + aside_x, right[1] + aside_y
    from_x, from_y = at_border(x1, y1, x2, y2, left)
    to_x, to_y = at_border(x2, y2, x1, y1, right)
    path = f"M{from_x:.0f} {from_y:.0f}L{to_x:.0f} {to_y:.0f}"
    beside = math.copysign(width_of(labels) / 2 + 4, aside_x) if is_paired else 0
    part = 0.4 if is_paired else 0.5
    x, y = from_x + (to_x - from_x) * part + beside, from_y + (to_y - from_y) * part
    return [f'<path class="way" d="{path}"/>', *text(x, y, labels)]


def at_border(x: float, y: float, toward_x: float, toward_y: float, middle: tuple[int, int]) -> tuple[float, float]:
    """Where a line out of a state leaves its box."""
    parts = []
    for place, toward, center, half in ((x, toward_x, middle[0], WIDTH / 2), (y, toward_y, middle[1], HEIGHT / 2)):
        if toward != place:
            parts.append((center + math.copysign(half, toward - place) - place) / (toward - place))
    part = min(parts)
    return x + (toward_x - x) * part, y + (toward_y - y) * part


def loop(state: BlockerState, labels: list[str]) -> list[str]:
    """A way from a state to itself: above it in the upper half of the picture, else below."""
    x, y = PLACES[state]
    side = -1 if y < 210 else 1
    edge, far = y + side * HEIGHT // 2, y + side * 66
    path = f"M{x - 30} {edge}C{x - 40} {far} {x + 40} {far} {x + 30} {edge}"
    return [f'<path class="way" d="{path}"/>', *text(x, y + side * 68, labels)]


def width_of(labels: list[str]) -> int:
    """About how wide labels are."""
    return 7 * max(map(len, labels)) + 6


def text(x: float, y: float, labels: list[str]) -> list[str]:
    """The events of a way, one below the other, on a white ground."""
    height, width = 18 * len(labels), width_of(labels)
    parts = [
        f'<rect class="label" x="{x - width / 2:.0f}" y="{y - height / 2:.0f}" width="{width}" height="{height}"/>'
    ]
    for index, label in enumerate(labels):
        parts.append(f'<text x="{x:.0f}" y="{y + 18 * index - height / 2 + 9:.0f}">{label}</text>')
    return parts
