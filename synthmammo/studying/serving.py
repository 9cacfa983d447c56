"""`study serve`: where the server listens, and the links that readers are given."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from synthmammo.errors import OutputError
from synthmammo.studying.guard import is_loopback, require_token
from synthmammo.studying.server import application
from synthmammo.studying.study import Study
from synthmammo.studying.tasks import Rules

FIRST_PORT = 8000
_TRIES = 100


@dataclass(frozen=True)
class Place:
    """Where a study is served.

    Attributes:
        host: Address to listen at; only this machine reaches the default.
        port: Port to listen at; None for the first free one from 8000.
        token: What readers must bring; needed where other machines can reach the server.
    """

    host: str = "127.0.0.1"
    port: int | None = None
    token: str | None = None

    def link(self, reader: str | None = None) -> str:
        """The address for a reader's browser.

        Args:
            reader: Name of the reader, who then need not give one; None for the page that asks for it.
        """
        host = f"[{self.host}]" if ":" in self.host else self.host
        given = {"token": self.token, "reader": reader}
        query = urlencode({name: value for name, value in given.items() if value})
        return f"http://{host}:{self.port}/" + (f"?{query}" if query else "")


def listening(place: Place) -> tuple[socket.socket, Place]:
    """A socket that listens at a place, and the place with its port.

    Raises:
        OutputError: There is no token though other machines reach the host, the port is in use, or the host is not
            one of this machine.
    """
    require_token(place.host, place.token)
    first = FIRST_PORT if place.port is None else place.port
    bound, reason = _bound(place.host, first)
    for port in range(first + 1, min(first + _TRIES, 65536)):
        if bound is not None or reason is None:
            break
        following, _ = _bound(place.host, port)
        if following is not None and place.port is not None:
            following.close()
            raise OutputError(f"port {first} is in use", where="port", hint=f"The next free one: --port {port}")
        bound, first = following, port
    if bound is None:
        raise OutputError(
            f"cannot listen at {place.host}:{first}", where="host", hint="Give an address of this machine."
        )
    return bound, Place(place.host, bound.getsockname()[1], place.token)


def _bound(host: str, port: int) -> tuple[socket.socket | None, str | None]:
    """A socket bound to a port; else None, with a reason where the port is in use."""
    import errno

    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((host, port))
        made.listen(64)
        return made, None
    except (OSError, OverflowError) as error:
        made.close()
        used = isinstance(error, OSError) and error.errno in (errno.EADDRINUSE, errno.EACCES)
        return None, "in use" if used else None


def serve(
    study: Study,
    place: Place,
    rules: Rules | None = None,
    *,
    readers: Sequence[str] = (),
    say: Callable[[str], None] = print,
) -> None:
    """Serve a study until it is interrupted.

    Args:
        study: The study.
        place: Where to listen.
        rules: How the study is read.
        readers: Names of readers to print links for.
        say: Takes the lines that tell the owner where the study is.

    Raises:
        OutputError: See `listening`; or the extra `study` is not installed.
        DatasetError: Answers of an earlier session cannot be read.
    """
    hosts = frozenset({"127.0.0.1", "localhost", "::1", place.host}) if is_loopback(place.host) else None
    app = application(study, rules, hosts=hosts, token=place.token)
    bound, place = listening(place)
    import uvicorn

    say(f"{study.title}: {len(study.items)} cases at {place.link()}")
    for name in readers:
        say(f"  {name}: {place.link(name)}")
    say("Ctrl-C ends it; every answer is on the disk.")
    config = uvicorn.Config(app, log_level="warning", lifespan="off", server_header=False, date_header=False)
    uvicorn.Server(config).run(sockets=[bound])
