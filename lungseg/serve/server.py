"""Where the page is served: on this machine's own address alone, and quietly."""

import socket

import uvicorn
from starlette.applications import Starlette

from lungseg.errors import InputError

HOST = "127.0.0.1"  # no option: whoever reaches the page may look at films
MOST_CONNECTIONS = 64  # at a time; more are told to come back


def server(app: Starlette) -> uvicorn.Server:
    """What runs the application, once it is given a socket."""
    settings = uvicorn.Config(
        app,
        access_log=False,
        log_config=None,
        log_level="critical",  # what goes wrong is told by the application, in its own words
        server_header=False,
        proxy_headers=False,
        limit_concurrency=MOST_CONNECTIONS,
        timeout_graceful_shutdown=2,
        ws="none",
        lifespan="off",
    )
    return uvicorn.Server(settings)


def listening(port: int) -> socket.socket:
    """A socket of this machine alone, which already takes connections.

    Args:
        port: Its number; 0 for any that is free.

    Raises:
        InputError: The port cannot be had.
    """
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
        listener.listen()
    except OSError as error:
        listener.close()
        found = error.strerror or type(error).__name__
        raise InputError(f"--port {port}", found, "a free port", "Give another, or 0 for any.") from error
    return listener
