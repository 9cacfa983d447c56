"""Who may ask the server: the same origin alone, and beyond this machine only who has the token."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from ipaddress import ip_address
from typing import Any
from urllib.parse import parse_qs, urlsplit

from synthmammo.errors import OutputError

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

_HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "cross-origin-resource-policy": "same-origin",
}


@dataclass(frozen=True)
class Policy:
    """What a server takes and gives.

    Attributes:
        cookie: Name of the cookie that holds the token: servers on one host share their cookies.
        bodies: Media types that a request may have.
        largest: Most bytes of a request.
        sources: Content security policy of its pages.
        paths: Beginnings of the paths that are answered, "/" standing for itself; () answers all.
    """

    cookie: str
    bodies: tuple[str, ...]
    largest: int
    sources: str
    paths: tuple[str, ...] = ()

    def answers(self, path: str) -> bool:
        """Whether a path is answered; one that leaves a folder, by `..`, is not."""
        if not self.paths:
            return True
        inside = not {"..", "."} & set(path.split("/")) and "\\" not in path
        return path == "/" or (inside and any(one != "/" and path.startswith(one) for one in self.paths))

    @property
    def headers(self) -> dict[str, str]:
        """Headers of every answer."""
        return {"content-security-policy": self.sources, **_HEADERS}


STUDY_POLICY = Policy(
    cookie="synthmammo_study",
    bodies=("application/json",),
    largest=1 << 20,
    sources="default-src 'self'; img-src 'self' blob: data:; object-src 'none'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
)
"""A reader study: a page of our own, and answers as JSON."""


def is_loopback(host: str) -> bool:
    """Whether a host to bind to is this machine alone."""
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def require_token(host: str, token: str | None) -> None:
    """Refuse to serve beyond this machine without a token.

    Raises:
        OutputError: The host is not loopback and there is no token, or one that can be guessed.
    """
    if is_loopback(host):
        return
    if token is None:
        hint = "Add --token with a long random word, or leave --host at 127.0.0.1."
        raise OutputError(f"{host} can be reached from other machines, and there is no token", where="host", hint=hint)
    if len(token) < 16:
        hint = f"Take for example {secrets.token_urlsafe(18)}"
        raise OutputError("a token of less than 16 signs can be guessed", where="token", hint=hint)


class Guard:
    """Passes on what comes from the page itself, and refuses everything else.

    A browser names in `Origin` and `Sec-Fetch-Site` who asks, and in `Host` whom it believes to ask: a page of another
    origin, and a foreign name that leads to this machine, are refused.

    Args:
        inner: Application behind.
        hosts: Names that `Host` may have, without the port; None for any, which a token must then make up for.
        token: What the cookie or `?token=` must hold; None where there is none.
        policy: What is taken and given.
    """

    def __init__(
        self, inner: Application, hosts: frozenset[str] | None, token: str | None, policy: Policy = STUDY_POLICY
    ) -> None:
        self._inner, self._hosts, self._token, self._policy = inner, hosts, token, policy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI."""
        if scope["type"] == "lifespan":
            await self._inner(scope, receive, send)
            return
        if scope["type"] != "http":
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        if (refusal := self._refusal(scope, headers)) is not None:
            await self._answer(send, *refusal)
            return
        query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
        cookie: str | None = None
        if self._token is not None:
            if self._matches(query.get("token", [""])[0]):
                cookie = f"{self._policy.cookie}={self._token}; HttpOnly; SameSite=Strict; Path=/"
            elif not self._matches(_cookie(headers, self._policy.cookie)):
                await self._answer(send, 401, "Open the link with the token that the server's owner gave you.")
                return
        await self._inner(scope, receive, _with_headers(send, self._policy.headers, cookie))

    def _refusal(self, scope: Scope, headers: dict[str, str]) -> tuple[int, str] | None:
        host = headers.get("host", "")
        if self._hosts is not None and (urlsplit(f"//{host}").hostname or "") not in self._hosts:
            return 403, "This server does not answer to that name."
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc != host:
            return 403, "Requests from another origin are refused."
        # A link from elsewhere may open the page; nothing else may be asked for from there.
        opens = scope["method"] == "GET" and scope["path"] == "/" and headers.get("sec-fetch-mode") == "navigate"
        if headers.get("sec-fetch-site", "none") not in ("same-origin", "none") and not opens:
            return 403, "Requests from another origin are refused."
        if scope["method"] not in ("GET", "HEAD", "POST"):
            return 405, "That method is not known here."
        if not self._policy.answers(scope["path"]):
            return 404, "There is nothing here."
        if scope["method"] == "POST":
            if headers.get("content-type", "").partition(";")[0].strip() not in self._policy.bodies:
                return 415, "That kind of content is not taken here."
            length = headers.get("content-length", "")
            if not length.isdigit() or int(length) > self._policy.largest:
                return 413, "That is too long for an answer."
        return None

    async def _answer(self, send: Send, status: int, text: str) -> None:
        body = text.encode()
        kind = {"content-type": "text/plain; charset=utf-8", "content-length": str(len(body))}
        await send({"type": "http.response.start", "status": status, "headers": _encoded(self._policy.headers | kind)})
        await send({"type": "http.response.body", "body": body})

    def _matches(self, given: str) -> bool:
        return self._token is not None and secrets.compare_digest(given.encode(), self._token.encode())


def _cookie(headers: dict[str, str], name: str) -> str:
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(name)
    except CookieError:
        return ""
    return found.value if found else ""


def _with_headers(send: Send, headers: dict[str, str], cookie: str | None) -> Send:
    async def sending(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            extra = headers | ({"set-cookie": cookie} if cookie else {})
            message["headers"] = [*message.get("headers", []), *_encoded(extra)]
        await send(message)

    return sending


def _encoded(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
