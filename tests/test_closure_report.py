"""The closure report: what it tells, that nothing from outside means anything in it, and that it is always the same."""

from __future__ import annotations

import itertools
import re
import shlex
import shutil
import subprocess
import sys
from collections import Counter
from functools import cache
from typing import TYPE_CHECKING, Any

import html5lib
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from tests.command_line import REPOSITORY
from tests.releases import NOW
from tests.sample_promotions import (
    GOLDEN_PROMOTIONS,
    HOSTILE,
    as_kept,
    hostile,
    no_go,
    promotion,
    training,
)
from tests.sample_reports import GOLDEN, finding

from helix_tts_policy import load_policy
from helix_tts_policy.check_promotion import examine_release
from helix_tts_policy.cli import build_parser
from helix_tts_policy.facts.commit_history import CommitHistory, CommitState, NamedCommit
from helix_tts_policy.finding import Severity, printable
from helix_tts_policy.gate import GATES
from helix_tts_policy.render import closure
from helix_tts_policy.render.closure_view import MOST_ROWS, view, why
from helix_tts_policy.render.curves import MOST_PLOTS
from helix_tts_policy.render.markdown_text import code, fenced, text
from helix_tts_policy.render.operator_commands import quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from pathlib import Path
    from xml.etree.ElementTree import Element

    from helix_tts_policy.promotion import Promotion

RELEASE = REPOSITORY / "tests" / "data" / "release" / "release.toml"


def real() -> Promotion:
    return examine_release(RELEASE, now=NOW)


MADE: dict[str, Callable[[], Promotion]] = {**GOLDEN_PROMOTIONS, "hostile": hostile, "real": real}
BARE: dict[str, Any] = dict.fromkeys(("manifest", "training", "evidence", "ledger"))
READER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


@cache
def rendered(name: str, form: str) -> str:
    return closure.render(MADE[name](), form)


def page(name: str) -> Element:
    """The page as a browser reads it; whatever the HTML standard calls a parse error fails."""
    parser = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False)
    root: Element = parser.parse(rendered(name, "html"))
    return root


def told(element: Element) -> str:
    return "".join(element.itertext())


@pytest.mark.parametrize("form", ["md", "html"])
@pytest.mark.parametrize("name", GOLDEN_PROMOTIONS)
def test_a_report_reads_as_it_did(name: str, form: str) -> None:
    assert as_kept(rendered(name, form)) == (GOLDEN / f"{name}.{form}").read_text(encoding="utf-8")


@pytest.mark.parametrize("form", ["md", "html"])
def test_whatever_is_missing_the_report_says_so(form: str) -> None:
    report = closure.render(promotion({gate.name: None for gate in GATES}, attribution=None, **BARE), form)

    for sentence in (
        "No manifest could be read that states a licence.",
        "No attribution text is stated.",
        "No ledger could be read that names a prompt.",
        "No training run could be read.",
        "No verification evidence could be read.",
        "No bundle could be read.",
    ):
        assert sentence in report


def test_a_verdict_says_why_in_one_sentence() -> None:
    stated = {"tip": "mend it", "severity": Severity.ERROR}

    assert why(promotion().decision) == "All 12 gates are passed, each on the evidence that is listed below."
    assert why(promotion({"lane": None}).decision) == (
        "Of 12 gates, 1 has no evidence; the first reason is at the gate lane: found no evidence for the gate lane; "
        "expected a status file or a log that states the lane."
    )
    assert why(promotion({"lane": [finding(**stated)], "bundle": [finding(**stated)]}).decision) == (
        "Of 12 gates, 2 fail; the first reason is at the gate lane: found x; expected y."
    )
    assert why(promotion({"lane": [finding(**stated)], "bundle": None, "ledger": None}).decision) == (
        "Of 12 gates, 1 fails and 2 have no evidence; the first reason is at the gate lane: found x; expected y."
    )


def test_what_is_beyond_a_table_is_counted() -> None:
    many = [finding(message=f"found {number}", severity=Severity.ERROR) for number in range(MOST_ROWS + 7)]
    made = promotion({"ledger": many})

    for form in ("md", "html"):
        assert "And 7 more, which the decision document lists." in closure.render(made, form)
    assert len(view(made, drawn=False).blockers.listed) == MOST_ROWS


def test_where_a_ledger_disagrees_with_itself_both_words_are_told() -> None:
    commits = view(hostile(), drawn=False).commits.listed

    assert commits[1].status.startswith("done / <script>")
    assert [commit.proven for commit in commits] == [False, False]


# --- always the same


@pytest.mark.parametrize("form", ["md", "html"])
def test_a_report_is_the_same_in_another_process_with_other_settings(tmp_path: Path, form: str) -> None:
    (tmp_path / "matplotlibrc").write_text("lines.color: red\nfont.size: 30\nsvg.fonttype: path\naxes.grid: True\n")
    script = (
        "import sys; from tests.sample_promotions import promotion, closure;"
        f"sys.stdout.buffer.write(closure.render(promotion(), {form!r}).encode())"
    )
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env={
            "PYTHONPATH": f"{REPOSITORY / 'src'}:{REPOSITORY}:{REPOSITORY / 'tests'}",
            "PYTHONHASHSEED": "7",
            "TZ": "Asia/Tokyo",
            "LC_ALL": "C.UTF-8",
            "MPLCONFIGDIR": str(tmp_path),
        },
        capture_output=True,
        check=True,
    )

    assert done.stdout.decode() == rendered("closure-go", form)


def test_loading_the_renderer_loads_no_extra() -> None:
    script = "import sys, helix_tts_policy.render.closure; print(*sys.modules)"
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(REPOSITORY / 'src')!r}); {script}"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert {"jinja2", "markupsafe", "matplotlib", "numpy"} & set(done.stdout.split()) == set()


def test_there_is_no_other_form() -> None:
    with pytest.raises(ValueError, match=r"^form: found 'pdf'; expected one of md, html$"):
        closure.render(promotion(), "pdf")


def test_a_form_names_the_extra_that_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "jinja2", raising=False)
    monkeypatch.setattr(sys, "path", [])

    with pytest.raises(
        closure.ExtraMissing, match=r"^found no jinja2, which a report needs; install helix-tts-policy\[report\]$"
    ):
        closure.render(promotion(), "md")


# --- the page


@pytest.mark.parametrize("name", MADE)
def test_a_page_asks_for_nothing_and_runs_nothing(name: str) -> None:
    root = page(name)
    elements = [*root.iter()]
    tags = Counter(each.tag.rpartition("}")[2] for each in elements)

    assert not {"script", "link", "img", "iframe", "object", "embed", "form", "base", "image", "foreignObject"} & {
        *tags
    }
    for each in elements:
        for attribute, value in each.attrib.items():
            assert not str(attribute).startswith("on")
            if str(attribute).rpartition("}")[2] in {"href", "src"}:
                assert value.startswith("#")
            assert "url(" not in value or "url(#" in value
    styles = [told(each) for each in elements if each.tag == "style"]
    assert len(styles) == 1
    assert "url(" not in styles[0]
    assert "@import" not in styles[0]
    policy = root.find(".//meta[@http-equiv='Content-Security-Policy']")
    assert policy is not None
    assert policy.get("content", "").startswith("default-src 'none'; style-src 'unsafe-inline'")


@pytest.mark.parametrize("name", MADE)
def test_a_page_is_made_for_everybody(name: str) -> None:
    root = page(name)
    ids = Counter(each.get("id") for each in root.iter() if each.get("id") is not None)
    headings = [int(each.tag[1]) for each in root.iter() if re.fullmatch(r"h[1-6]", str(each.tag))]

    assert root.get("lang") == "en"
    assert root.findtext(".//title")
    assert [each for each, count in ids.items() if count > 1] == []
    assert headings[0] == 1
    assert headings.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(headings))
    assert {"header", "nav", "main", "footer"} <= {str(each.tag) for each in root.iter()}
    for each in root.iter():
        for attribute in ("aria-labelledby", "aria-describedby"):
            assert set(each.get(attribute, "").split()) <= {*ids}
        if (target := each.get("href")) is not None:
            assert target[1:] in ids
    for table in root.iter("table"):
        assert told(table.find("caption"))  # type: ignore[arg-type]
        assert all(cell.get("scope") in {"col", "row"} for cell in table.iter("th"))
    for region in root.iterfind(".//*[@role='region']"):
        assert region.get("tabindex") == "0"


def test_every_plot_has_words_and_a_table_beside_it() -> None:
    root = page("closure-go")
    figures = list(root.iter("figure"))

    assert [told(each.find("./figcaption/code")) for each in figures] == [  # type: ignore[arg-type]
        *("loss", "val_loss", "mel_loss", "grad_norm", "learning_rate"),
    ]
    for number, each in enumerate(figures, 1):
        drawing = next(element for element in each if str(element.tag).endswith("svg"))
        assert drawing.get("role") == "img"
        assert drawing.get("aria-labelledby") == f"plot-{number}-title"
        assert drawing.get("aria-describedby") == f"plot-{number}-told"
        assert len(each.findall(".//tbody/tr")) == 30
    assert "30 values, from 4.51 at step 1 to 0.4443 at step 30; the lowest is 0.4443, the highest 4.51" in told(
        figures[0]
    )


def test_figures_without_a_plot_are_counted() -> None:
    many = {f"figure {number}": [1.0] for number in range(MOST_PLOTS + 2)}

    assert "And 2 more without a plot" in closure.render(promotion(training=training(many)), "html")
    assert "without a plot" not in rendered("closure-go", "html")


def test_a_page_shows_what_was_stated_and_no_character_that_nobody_sees() -> None:
    words = told(page("hostile"))

    assert [value for value in HOSTILE if printable(value) not in words] == []
    assert [character for character in words if not character.isprintable() and character != "\n"] == []


# --- Markdown


def rows(rendered: str) -> Iterator[list[str]]:
    """The cells of every row, as a reader of Markdown sees them."""
    for row in html5lib.parse(rendered, namespaceHTMLElements=False).iter("tr"):
        yield [told(cell) for cell in row]


@pytest.mark.parametrize("name", MADE)
def test_no_value_means_anything_in_markdown(name: str) -> None:
    report = rendered(name, "md")
    tokens = READER.parse(report)
    inner = [each for token in tokens for each in token.children or ()]
    kinds = Counter(each.type for each in (*tokens, *inner))

    assert not {"html_block", "html_inline", "link_open", "image", "em_open", "s_open", "code_block"} & {*kinds}
    assert [each for each in report if not each.isprintable() and each != "\n"] == []
    for table in re.findall(r"(?:^\|.*\n)+", report, re.MULTILINE):
        cells = [len(row) for row in rows(READER.render(table))]
        assert len(set(cells)) == 1
        assert len(cells) == table.count("\n") - 1


def test_markdown_shows_what_was_stated() -> None:
    words = told(html5lib.parse(READER.render(rendered("hostile", "md")), namespaceHTMLElements=False))
    alike = re.sub(r"\s+", " ", words)

    assert [value for value in HOSTILE if re.sub(r"\s+", " ", printable(value)).strip() not in alike] == []


ANY_TEXT = st.text() | st.text(alphabet="|`\\ *_<>&#-+=.)1[]!~$:a\n\x1b", max_size=30)


@given(ANY_TEXT)
def test_a_text_in_a_cell_is_that_text(value: str) -> None:
    shown = printable(value)
    cells = [*rows(READER.render(f"| a | b |\n|---|---|\n| {text(value)} | {code(value)} |\n"))]

    assert cells == [["a", "b"], [shown, shown]]


@given(ANY_TEXT)
def test_a_text_in_an_item_and_within_a_sentence_is_that_text(value: str) -> None:
    shown = printable(value)
    item, sentence = READER.render(f"- {text(value)}\n"), READER.render(f"**so** {text(value)}, {code(value)}.")

    assert told(html5lib.parseFragment(item, namespaceHTMLElements=False)).strip("\n") == shown
    assert told(html5lib.parseFragment(sentence, namespaceHTMLElements=False)).strip("\n") == f"so {shown}, {shown}."


@given(st.lists(ANY_TEXT, max_size=4))
def test_lines_in_a_fence_are_those_lines(lines: list[str]) -> None:
    tokens = READER.parse(f"{fenced(lines, 'text')}\n\nafter\n")

    assert [token.type for token in tokens] == ["fence", "paragraph_open", "inline", "paragraph_close"]
    assert tokens[0].content == "".join(f"{printable(line)}\n" for line in lines)


# --- commands


@settings(max_examples=25, deadline=None)
@given(st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), min_size=20, max_size=40))
def test_a_quoted_word_is_that_word_for_a_shell(words: list[str]) -> None:
    line = " ".join(map(quoted, words))
    done = subprocess.run(["bash", "-c", f"printf '%s\\0' {line}"], capture_output=True, check=True)  # noqa: S603, S607

    assert line.isprintable()
    assert done.stdout.decode().split("\0")[:-1] == words


def test_a_byte_that_is_no_text_stays_that_byte_for_a_shell() -> None:
    word = quoted("a\udcff1")

    assert word == "$'a\\3771'"
    assert subprocess.run(["bash", "-c", f"printf %s {word}"], capture_output=True, check=True).stdout == b"a\xff1"  # noqa: S603, S607


def test_a_path_is_no_option() -> None:
    told_commands = [each.line for each in view(promotion(source="--output"), drawn=False).commands]

    assert told_commands[0] == "helix-tts-policy gate ./--output --now 2026-11-24T00:00:00+00:00"


@pytest.mark.parametrize("name", MADE)
def test_every_command_is_one_that_the_program_takes(name: str) -> None:
    for each in view(MADE[name](), drawn=False).commands:
        if "$'" not in each.line:  # which Python's shlex does not know
            program, *arguments = shlex.split(each.line)
            assert program == "helix-tts-policy"
            build_parser([arguments[0]]).parse_args(arguments)


def lines(made: Promotion) -> dict[str, str]:
    return dict(view(made, drawn=False).commands)


def test_the_commands_of_a_release_name_its_files() -> None:
    folder = RELEASE.parent
    now = "--now 2026-11-25T12:00:00+00:00"

    assert lines(real()) == {
        "Decide again, from the same files and at the same time": f"helix-tts-policy gate {RELEASE} {now}",
        "Write the decision document, to keep": f"helix-tts-policy gate {RELEASE} {now} --output decision.json",
        "Make it again a year later, and see whether it is the same": (
            f"helix-tts-policy gate {RELEASE} --replay decision.json"
        ),
        "Verify the weights manifest alone": (
            f"helix-tts-policy verify {folder}/weights-manifest.json --root {folder}/weights {now}"
        ),
        "Check the training run alone": (
            f"helix-tts-policy lane parse {folder}/run/lane.log --status {folder}/run/train_status.json --root {folder}/run"
        ),
        "Audit the ledger alone": (
            f"helix-tts-policy ledger audit {folder}/ledger.md --trace {folder}/trace.jsonl {now}"
        ),
        "Verify the bundle alone": f"helix-tts-policy bundle verify {folder}/bundle {now}",
        "Promote the bundle; everything is verified once more": (
            f"helix-tts-policy bundle promote {folder}/bundle PRODUCTION-FOLDER"
        ),
        "Write the statement to sign": (f"helix-tts-policy export in-toto {RELEASE} {now} --output statement.json"),
    }


def test_a_policy_is_named_to_whom_would_not_find_it(tmp_path: Path) -> None:
    folder = tmp_path / "release"
    shutil.copytree(RELEASE.parent, folder)
    policy, release = folder / "policy.toml", folder / "release.toml"
    policy.write_text('schema_version = "license-policy/1"\n')
    given = lines(examine_release(release, policy=load_policy(policy), now=NOW))
    text = release.read_text().replace("[training]", '[training]\nlane = "tts_prod_train_nemo"')
    text = text.replace('root = "run"\n', "")
    release.write_text(text.replace("[weights]", 'policy = "policy.toml"\n\n[weights]'))
    named = lines(examine_release(release, now=NOW))

    assert [line for line in given.values() if f"--policy {policy}" not in line] == []
    for purpose, line in named.items():
        assert ("--policy" in line) is ("alone" in purpose or "Promote" in purpose)
    assert "--lane=tts_prod_train_nemo" in named["Check the training run alone"]


def test_a_repository_is_named_to_whom_asks_it_again() -> None:
    def look_up(names: Collection[str]) -> CommitHistory:
        missing = dict.fromkeys(names, NamedCommit(state=CommitState.MISSING))
        return CommitHistory(repository="-work", head="ab" * 20, commits=missing)

    asked = lines(examine_release(RELEASE, now=NOW, commits=look_up))

    for purpose, line in asked.items():
        assert ("--repo ./-work" in line) is ("gate" in line or "ledger audit" in line), purpose


def test_what_promotes_is_told_for_go_only() -> None:
    assert "export in-toto" in closure.render(promotion(), "md")
    assert "export in-toto" not in closure.render(no_go(), "md")
