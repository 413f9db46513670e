"""`python -m ups_bridge`: the bridge to the UPS team, in the foreground until SIGTERM or SIGINT.

A wrong setting ends the start with exit code 2, anything else that is in the way with exit code 1; both in one line.
"""

import argparse
import asyncio
import sys
from random import SystemRandom
from secrets import token_hex
from typing import NoReturn

from mesh.channel import open_aio_channel
from mesh.foreground import run_until_signal
from mesh.identity import Tokens, TokensError, ensure_tokens_file
from mesh.logs import configure_logging
from mesh.server import ListenError
from mesh.settings import load_settings
from ups_bridge.bootstrap import UpsBridge
from ups_bridge.config import Settings

CALLER = "ups_bridge"


def main() -> None:
    """Reads the settings, then runs the bridge."""
    argparse.ArgumentParser(prog="python -m ups_bridge", description=__doc__).parse_args()
    settings = load_settings(Settings)
    configure_logging(CALLER, settings.log_level)
    try:
        ensure_tokens_file(settings.tokens_path)
        tokens = Tokens.load(settings.tokens_path)
        tokens.token_of(CALLER)
        asyncio.run(_run(settings, tokens))
    except (TokensError, ListenError, OSError) as error:
        _give_up(str(error))


async def _run(settings: Settings, tokens: Tokens) -> None:
    channel = open_aio_channel(settings.fulfilment_address, tokens.token_of(CALLER))
    bridge = UpsBridge(settings, tokens, channel, boot_nonce=token_hex(16), rng=SystemRandom())
    await run_until_signal(bridge)


def _give_up(message: str) -> NoReturn:
    print(f"{CALLER}: {' '.join(message.split())}", file=sys.stderr)  # noqa: T201 - the line that a person reads
    raise SystemExit(1)


if __name__ == "__main__":
    main()
