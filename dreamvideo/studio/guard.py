"""Who may talk to the studio: whoever holds its token or password, from the studio's own page.

Each request must be for a name that is the studio's (else a foreign site could point its own name here: DNS
rebinding), must not come from another site's page (Origin, Sec-Fetch-Site), and must carry the cookie, which
the address with the token, or the password, gives. Every answer has a strict Content-Security-Policy.
"""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
import os
import secrets
from http.cookies import CookieError, SimpleCookie
from pathlib import Path

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOGIN_DELAY = 1.0  # s that a wrong password costs, one after the other: a guesser gets 86,400 tries a day
MAX_LOGIN_BYTES = 4096

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "media-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def keep_token(folder: Path) -> str:
    """The studio's token, readable by its owner alone; the same after a restart, so that open pages stay."""
    path = folder / "token"
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text("ascii").strip()
    with os.fdopen(descriptor, "w") as file:
        token = secrets.token_urlsafe(32)
        file.write(token)
    return token


class Guard:
    """Stands before the application.

    Args:
        token: what the address must hold once, then the cookie. password: opens the page by itself; "": none.
        hosts: names by which the studio may be called, without a port. any_address: or any IP address, for a
            studio that is open to the network; an address cannot be pointed elsewhere.
    """

    def __init__(
        self, app: ASGIApp, token: str, password: str, hosts: frozenset[str], any_address: bool, login: Path
    ) -> None:
        self._app, self._token, self._password, self._login = app, token, password, login
        self._hosts, self._any_address = hosts, any_address
        self._guessing = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(HEADERS)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        answer = await self._refuse(Request(scope, receive))
        await (answer or self._app)(scope, receive, send_guarded)

    async def _refuse(self, request: Request) -> Response | None:
        """The answer to a request that may not pass; None for one that may."""
        if not self._is_our_name(request.headers.get("host", "")):
            return _say(421, "This is not an address of the studio.")
        if not _is_from_our_page(request.headers):
            return _say(403, "Only the studio's own page may ask for this.")
        token = request.query_params.get("token", "")
        if request.url.path == "/" and token and _same(token, self._token):
            return self._let_in(request)
        if _same(self._cookie(request), self._token):
            return None
        if self._password and request.url.path == "/login":
            return await self._log_in(request)
        if self._password and request.method == "GET" and request.url.path == "/":
            return FileResponse(self._login, 401)
        if request.url.path == "/page/studio.css":  # the page for the password uses it
            return None
        return _say(401, "Open the address that `dreamvideo studio` printed: it holds the key to this page.")

    async def _log_in(self, request: Request) -> Response:
        if request.method != "POST":
            return RedirectResponse("/", 303)
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_LOGIN_BYTES:
                return _say(413, "That is no password.")
        async with self._guessing:
            from urllib.parse import parse_qs

            (given,) = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True).get(
                "password", [""]
            )[:1]
            if _same(given, self._password):
                return self._let_in(request)
            await asyncio.sleep(LOGIN_DELAY)
        return FileResponse(self._login, 401)

    def _let_in(self, request: Request) -> Response:
        answer = RedirectResponse("/", 303)
        answer.set_cookie(_cookie_name(request), self._token, httponly=True, samesite="strict", path="/")
        return answer

    def _cookie(self, request: Request) -> str:
        try:
            cookies = SimpleCookie(request.headers.get("cookie", ""))
        except CookieError:
            return ""
        morsel = cookies.get(_cookie_name(request))
        return morsel.value if morsel else ""

    def _is_our_name(self, host: str) -> bool:
        name = host.rpartition(":")[0] if host.rpartition(":")[2].isdecimal() else host
        name = name.strip("[]").lower()
        if name in self._hosts:
            return True
        try:
            return self._any_address and bool(ipaddress.ip_address(name))
        except ValueError:
            return False


def _is_from_our_page(headers: Headers) -> bool:
    """Whether no other site's page sent this. Browsers say who did; programs other than browsers need not."""
    origin = headers.get("origin")
    if origin is not None and origin.partition("://")[2] != headers.get("host"):
        return False
    return headers.get("sec-fetch-site", "none") in ("none", "same-origin") or _is_a_visit(headers)


def _is_a_visit(headers: Headers) -> bool:
    """A link that was followed to the page, from anywhere; the cookie does not come with it."""
    return headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"


def _cookie_name(request: Request) -> str:
    """Cookies are shared by all ports of a host: two studios must not share theirs."""
    return f"dreamvideo-studio-{request.url.port or 80}"


def _same(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "replace"), wanted.encode())


def _say(code: int, words: str) -> Response:
    return PlainTextResponse(words + "\n", code)
