"""The closure report: a promotion for a release manager, a lawyer and an engineer, as Markdown or as one HTML file.

Rules kept here:

1. Every value is escaped by the template engine itself, unprintable characters included; no template can forget to.
2. The HTML file is all there is: no script, no resource from elsewhere, and a policy in it that allows neither.
3. The same promotion gives the same bytes.

Jinja2 and matplotlib are an extra, and nothing else needs them.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

from helix_tts_policy.finding import printable
from helix_tts_policy.render.closure_view import view
from helix_tts_policy.render.curves import figure
from helix_tts_policy.render.markdown_text import code, fenced, text

if TYPE_CHECKING:
    from collections.abc import Callable

    from jinja2 import Environment

    from helix_tts_policy.promotion import Promotion

FORMS: Final = {".md": "md", ".markdown": "md", ".html": "html", ".htm": "html"}
"""The form of a report by the suffix of its file."""

NEEDED: Final = {"md": ("jinja2",), "html": ("jinja2", "matplotlib")}
"""The modules of each form that are an extra."""

EXTRA: Final = "helix-tts-policy[report]"


class ExtraMissing(Exception):  # noqa: N818 - nothing is wrong but what is installed
    """A module of the extra is not installed; the message is one line that says how to get it."""


def check_form(form: str) -> None:
    """Make sure, before any work is done, that a form can be written.

    Raises:
        ExtraMissing: a module that it needs is not installed.
        ValueError: there is no such form.
    """
    if form not in NEEDED:
        raise ValueError(f"form: found {form!a}; expected one of {', '.join(NEEDED)}")
    for module in NEEDED[form]:
        if find_spec(module) is None:
            raise ExtraMissing(f"found no {module}, which a report needs; install {EXTRA}")


def render(promotion: Promotion, form: str) -> str:
    """The report in a form, ``md`` or ``html``.

    Raises:
        ExtraMissing: a module that it needs is not installed.
        ValueError: there is no such form.
    """
    check_form(form)
    environment = _html() if form == "html" else _markdown()
    return environment.get_template(f"closure.{form}").render(
        view=view(promotion, drawn=form == "html"), promotion=promotion, decision=promotion.decision
    )


def _html() -> Environment:
    from markupsafe import Markup  # noqa: PLC0415 - comes with the extra

    environment = _environment(lambda value: value if isinstance(value, Markup) else _printable(value), autoescape=True)
    environment.filters["drawn"] = Markup  # an element that `plot` made, in which no value of an input stands
    return environment


def _markdown() -> Environment:
    environment = _environment(lambda value: text(value) if isinstance(value, str) else value, autoescape=False)
    environment.filters["code"] = code
    environment.filters["fenced"] = fenced
    return environment


def _environment(finalize: Callable[[object], object], *, autoescape: bool) -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415 - an extra

    environment = Environment(
        loader=PackageLoader("helix_tts_policy.render"),
        autoescape=autoescape,  # noqa: S701 - `finalize` escapes where it is off
        undefined=StrictUndefined,
        finalize=finalize,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["figure"] = figure
    return environment


def _printable(value: object) -> object:
    # What is undefined is no text, and raises in the template.
    return printable(value) if isinstance(value, str) else value
