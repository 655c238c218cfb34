"""The command `lungseg serve`; what it needs is imported when it is called."""

import sys
from contextlib import suppress
from typing import Annotated

import typer

from lungseg.errors import InputError
from lungseg.films.commands import Checks, Framed, Networks, Runs, chosen_limits, chosen_model
from lungseg.terminal import say


def serve(
    model: Networks = None,
    from_run: Runs = None,
    frame: Framed = None,
    checks: Checks = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Of 127.0.0.1; 0 takes any that is free.")] = 8080,
) -> None:
    """A page for this machine's browser: drop films, see their masks and numbers, save them. Ctrl-C ends it.

    The masks are those of `lungseg segment`. Films stay on this machine, in memory, and are forgotten once they are
    answered; nobody else on the network can open the page.
    """
    try:
        from lungseg.films.reading import unwarned
        from lungseg.serve.answers import Looking
        from lungseg.serve.app import make_app
        from lungseg.serve.server import HOST, listening, server
    except ModuleNotFoundError as error:
        remedy = "pip install 'lungseg[serve]' brings it."
        raise InputError("lungseg serve", f"no module {error.name}", "a web server", remedy) from error
    chosen = chosen_model(model, from_run, frame)
    app = make_app(Looking(chosen, chosen_limits(checks, chosen)))
    with listening(port) as listener, unwarned():
        say(f"lungseg: http://{HOST}:{listener.getsockname()[1]} looks at films by {chosen.name}; Ctrl-C ends it")
        sys.stdout.flush()
        with suppress(KeyboardInterrupt):
            server(app).run(sockets=[listener])
    say("lungseg: ended, no film was kept")
