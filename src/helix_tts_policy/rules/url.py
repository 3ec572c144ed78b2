"""What keeps a URL from naming a place where others can look a statement up."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from helix_tts_policy.finding import shown

if TYPE_CHECKING:
    from collections.abc import Iterator

_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
_HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?")
_NUMBER = re.compile(r"[0-9]+|0[xX][0-9a-fA-F]*")
"""A last label that makes browsers read the whole host as an IPv4 address (WHATWG URL, section 3.5)."""

_PORT = re.compile(r"[0-9]{1,5}")
_ORDINARY = re.compile(r"https://([a-z0-9.-]+\.[a-z]{2,})(?:[/?#][!#$&-;=?-\[\]_a-z~]*)?")
"""A URL that needs no second look but at its host; all others are taken apart."""

_VISIBLE = re.compile(r"(?:[!#$&-;=?-\[\]_a-z~]|%[0-9A-Fa-f]{2})*")
"""The characters of RFC 3986, section 2; a percent sign only with two digits behind it."""

PLACEHOLDER_SUFFIXES = ("example", "invalid", "localhost", "test")
"""Top-level names that never resolve (RFC 2606, RFC 6761)."""

PLACEHOLDER_HOSTS = ("example.com", "example.net", "example.org")
"""Names kept for documentation (RFC 2606, section 3)."""

_BELOW_PLACEHOLDERS = tuple(f".{host}" for host in PLACEHOLDER_HOSTS)

_TYPED_BY_A_TEMPLATE = frozenset(
    {"changeme", "placeholder", "todo", "yourcompany", "your-company", "yourdomain", "your-domain"}
)


_BRANCH_IN_URL = re.compile(
    r"(?:/(?:tree|blob|resolve|raw|edit|src/branch)|//raw\.githubusercontent\.com/[^/]+/[^/]+)/(?:refs/heads/)?"
    r"(main|master|head|latest|trunk|develop|dev)(?=[/?#]|\Z)"
    r"|/(refs/heads/[^/?#]+)",
    re.IGNORECASE,
)

_PERCENT_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")


class UrlDefect(NamedTuple):
    """What is wrong with one URL, under the id of the rule that tells it."""

    rule: str
    message: str
    tip: str


@lru_cache(maxsize=4096)
def url_defects(url: str) -> tuple[UrlDefect, ...]:
    """Everything that keeps a URL from naming a place where others can look the statement up."""
    ordinary = _ORDINARY.fullmatch(url)
    host = ordinary[1] if ordinary and _HOST.fullmatch(ordinary[1]) else None
    return tuple(_host_defects(host)) if host is not None else tuple(_take_apart(url))


@lru_cache(maxsize=4096)
def branch_in(url: str) -> str | None:
    """The branch or other moving name that the URL of a source points to; None where it names none."""
    branch = _BRANCH_IN_URL.search(_PERCENT_ESCAPE.sub(lambda escape: chr(int(escape[1], 16)), url))
    return None if branch is None else branch[1] or branch[2]


def _take_apart(url: str) -> Iterator[UrlDefect]:
    """The URL by hand, since `urllib` strips tabs and line breaks before anybody sees them."""
    scheme, colon, rest = url.partition(":")
    if scheme.lower() != "https" or not colon:
        message = f"found {shown(url)}; expected a URL that begins with https://"
        yield UrlDefect("url-not-https", message, "name the https address of the page")
        if not rest.startswith("//"):
            return
    if not _VISIBLE.fullmatch(url):
        stray = next((character for character in url if not _VISIBLE.fullmatch(character) and character != "%"), "%")
        message = f"found U+{ord(stray):04X} in {shown(url)}; expected only the characters of RFC 3986"
        yield UrlDefect("url-malformed", message, "percent-encode it, and write an international host in its xn-- form")
        return
    authority = re.split(r"[/?#]", rest.removeprefix("//"), maxsplit=1)[0] if rest.startswith("//") else ""
    user, at, address = authority.rpartition("@")
    if at:
        message = f"found user information {shown(user)} before the host {shown(address)}; expected none"
        yield UrlDefect(
            "url-user-info", message, "remove everything up to the @, and check that the host is the one you mean"
        )
    host, port = address, ""
    if not address.startswith("["):
        host, _, port = address.partition(":")
    if port and not (_PORT.fullmatch(port) and 0 < int(port) < 65536):
        yield UrlDefect(
            "url-malformed", f"found the port {shown(port)}; expected a number below 65536", "correct the port"
        )
    if not host:
        yield UrlDefect("url-malformed", f"found no host in {shown(url)}; expected https://<host>/…", "name the host")
    elif host.startswith("[") or _HOST.fullmatch(host):
        yield from _host_defects(host.lower().removesuffix("."))
    else:
        yield UrlDefect("url-malformed", f"found the host {shown(host)}; expected a DNS name", "correct the host")


def _host_defects(host: str) -> Iterator[UrlDefect]:
    labels = host.split(".")
    reason = None
    if host.startswith("[") or _NUMBER.fullmatch(labels[-1]):
        reason = "an address instead of a name"
    elif labels[-1] in PLACEHOLDER_SUFFIXES or host in PLACEHOLDER_HOSTS or host.endswith(_BELOW_PLACEHOLDERS):
        reason = "reserved for documentation and tests"
    elif len(labels) == 1:
        reason = "a name without a domain"
    elif not _TYPED_BY_A_TEMPLATE.isdisjoint(labels):
        reason = "left over from a template"
    if reason:
        message = f"found the host {shown(host)}, which is {reason}; expected the name of a real host"
        yield UrlDefect("url-placeholder-host", message, "name the real place")
