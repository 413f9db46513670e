"""SendCommands before it touches anything: is each command for this link, the newest world and this window?

Rules: a batch for another world is refused whole, any other is taken from the front as far as there is room; a command
that can never be said is named with the reason, and keeps no other back. What is
of a feature that the partner does not speak is taken, dropped, and reported like what was acknowledged: nobody will
ever say it, and orders_svc gives it to nobody again.
"""

from collections.abc import Collection, Sequence

from mesh.errors import FieldViolation, InvalidArgument
from mesh.reporting import Reporter
from shop.bridge.v1 import bridge_pb2 as bridge
from ups_bridge import codec, features
from ups_bridge.rules import CURRENT
from wire.session import Session

MAX_COMMANDS = 500


def encode(
    commands: Sequence[bridge.Command], world_epoch: int, session: Session
) -> list[bytes | bridge.RefusedCommand]:
    """Give the element of each of `commands`, or why there is none. Raises InvalidArgument."""
    if len(commands) > MAX_COMMANDS:
        raise InvalidArgument([FieldViolation("commands", f"more than {MAX_COMMANDS}")])
    elements: list[bytes | bridge.RefusedCommand] = []
    for at, command in enumerate(commands):
        if command.world_epoch != world_epoch:
            raise InvalidArgument(
                [FieldViolation(f"commands[{at}].world_epoch", f"older than {world_epoch}, which was seen")]
            )
        elements.append(_encode(command, session))
    return elements


def _encode(command: bridge.Command, session: Session) -> bytes | bridge.RefusedCommand:
    why = ""
    try:
        element = codec.encode_command(command)
    except ValueError as error:
        why = str(error)
    else:
        if len(element) > session.policy.max_frame:
            why = f"above {session.policy.max_frame} bytes"
        elif session.element_of(command.command_id) not in (None, element):
            why = "in the window with other content"
        else:
            return element
    return bridge.RefusedCommand(command_id=command.command_id, reason=why)


def take(
    commands: Sequence[bridge.Command],
    elements: Sequence[bytes | bridge.RefusedCommand],
    source: int,
    session: Session,
    spoken: Collection[str],
    reporter: Reporter,
    now: float,
) -> bridge.SendCommandsResponse:
    """Put commands in the window as far as there is room; give how many were taken, known and dropped ones included.

    `source`: the connection that `session` is of.
    """
    response = bridge.SendCommandsResponse(taken=len(commands))
    for taken, (command, element) in enumerate(zip(commands, elements, strict=True)):
        if isinstance(element, bridge.RefusedCommand):
            response.refused.append(element)
            continue
        feature = features.OF_COMMAND.get(command.WhichOneof("body") or "")
        if feature is not None and feature not in spoken:
            reporter.add_acked(source, CURRENT, [command.command_id])
            continue
        known = session.element_of(command.command_id) is not None or reporter.holds_ack(command.command_id)
        if not known:
            if not session.room:
                response.taken = taken
                return response
            session.send(command.command_id, element, now)
    return response
