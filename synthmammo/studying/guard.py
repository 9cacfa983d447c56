"""Who may ask the server: the same origin alone, and beyond this machine only who has the token."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from ipaddress import ip_address
from typing import Any
from urllib.parse import parse_qs, urlsplit

from synthmammo.errors import OutputError

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

COOKIE = "synthmammo_study"
_LARGEST = 1 << 20
_HEADERS = {
    "content-security-policy": "default-src 'self'; img-src 'self' blob: data:; object-src 'none'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "cross-origin-resource-policy": "same-origin",
}


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
        raise OutputError(
            f"{host} can be reached from other machines, and there is no token", where="--host", hint=hint
        )
    if len(token) < 16:
        hint = f"Take for example {secrets.token_urlsafe(18)}"
        raise OutputError("a token of less than 16 signs can be guessed", where="--token", hint=hint)


class Guard:
    """Passes on what comes from the page itself, and refuses everything else.

    A browser names in `Origin` and `Sec-Fetch-Site` who asks, and in `Host` whom it believes to ask: a page of another
    origin, and a foreign name that leads to this machine, are refused.

    Args:
        inner: Application behind.
        hosts: Names that `Host` may have, without the port; None for any, which a token must then make up for.
        token: What the cookie or `?token=` must hold; None where there is none.
    """

    def __init__(self, inner: Application, hosts: frozenset[str] | None, token: str | None) -> None:
        self._inner, self._hosts, self._token = inner, hosts, token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI."""
        if scope["type"] == "lifespan":
            await self._inner(scope, receive, send)
            return
        if scope["type"] != "http":
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        if (refusal := self._refusal(scope, headers)) is not None:
            await _answer(send, *refusal)
            return
        query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
        cookie: str | None = None
        if self._token is not None:
            if self._matches(query.get("token", [""])[0]):
                cookie = f"{COOKIE}={self._token}; HttpOnly; SameSite=Strict; Path=/"
            elif not self._matches(_cookie(headers)):
                await _answer(send, 401, "Open the link with the token that the study's owner gave you.")
                return
        await self._inner(scope, receive, _with_headers(send, cookie))

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
        if scope["method"] == "POST":
            if headers.get("content-type", "").partition(";")[0].strip() != "application/json":
                return 415, "Answers are JSON."
            if not headers.get("content-length", "").isdigit() or int(headers["content-length"]) > _LARGEST:
                return 413, "That is too long for an answer."
        return None

    def _matches(self, given: str) -> bool:
        return self._token is not None and secrets.compare_digest(given.encode(), self._token.encode())


def _cookie(headers: dict[str, str]) -> str:
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found else ""


def _with_headers(send: Send, cookie: str | None) -> Send:
    async def sending(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            extra = _HEADERS | ({"set-cookie": cookie} if cookie else {})
            message["headers"] = [*message.get("headers", []), *_encoded(extra)]
        await send(message)

    return sending


async def _answer(send: Send, status: int, text: str) -> None:
    body = text.encode()
    headers = _HEADERS | {"content-type": "text/plain; charset=utf-8", "content-length": str(len(body))}
    await send({"type": "http.response.start", "status": status, "headers": _encoded(headers)})
    await send({"type": "http.response.body", "body": body})


def _encoded(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
