"""Commands that a bridge can never say: as if its codec had no words for them, from the first time that it is asked.

Rules: what a bridge could say once it can always say, and what it could not it never can, whoever owns the link: what
was failed for it was never heard by the partner. The bridge's own code refuses them.
"""

from contextlib import ExitStack
from random import Random
from types import TracebackType
from typing import Any
from unittest.mock import patch

import ups_bridge.codec
import world_bridge.codec
from proof.simulation.faults import Fault, Kind
from proof.simulation.injection import Injector
from shop.bridge.v1 import bridge_pb2

_CODECS: dict[str, Any] = {"world_bridge": world_bridge.codec, "ups_bridge": ups_bridge.codec}


class Unsayable:
    """Those of one run, while in a `with` block. `refused`: their ids."""

    def __init__(self, injector: Injector) -> None:
        self.refused: set[int] = set()
        self._injector = injector
        self._faults = [(fault, injector.rng_of(fault)) for fault in injector.plan if fault.kind is Kind.UNSAYABLE]
        self._asked: set[int] = set()
        self._patches = ExitStack()

    def __enter__(self) -> None:
        for bridge in {fault.where for fault, _ in self._faults}:
            codec = _CODECS[bridge]
            encode = _Encode(self, bridge, codec.encode_command)
            self._patches.enter_context(patch.object(codec, "encode_command", encode))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._patches.close()

    def is_refused(self, bridge: str, command_id: int) -> bool:
        """Whether it cannot be said, which is decided when it is first asked."""
        if command_id not in self._asked:
            self._asked.add(command_id)
            if any(self._chooses(fault, rng) for fault, rng in self._faults if fault.where == bridge):
                self.refused.add(command_id)
                self._injector.hit(Kind.UNSAYABLE)
        return command_id in self.refused

    def _chooses(self, fault: Fault, rng: Random) -> bool:
        injector = self._injector
        live = not injector.healed and fault.at <= injector.now() <= fault.until
        return live and rng.random() < fault.size


class _Encode:
    """A codec's `encode_command`, for one bridge."""

    def __init__(self, unsayable: Unsayable, bridge: str, real: Any) -> None:
        self._unsayable = unsayable
        self._bridge = bridge
        self._real = real

    def __call__(self, command: bridge_pb2.Command) -> bytes:
        if self._unsayable.is_refused(self._bridge, command.command_id):
            raise ValueError("there are no words for it")
        element: bytes = self._real(command)
        return element
