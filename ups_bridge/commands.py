"""SendCommands before it touches anything: is each command for this link, the newest world and this window?

Rules: a batch is refused whole, with the field that is wrong, or taken from the front as far as there is room. What is
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


def encode(commands: Sequence[bridge.Command], world_epoch: int, session: Session) -> list[bytes]:
    """Give the elements of `commands`. Raises InvalidArgument."""
    if len(commands) > MAX_COMMANDS:
        raise InvalidArgument([FieldViolation("commands", f"more than {MAX_COMMANDS}")])
    elements = []
    for at, command in enumerate(commands):
        where = f"commands[{at}]"
        if command.world_epoch != world_epoch:
            raise InvalidArgument([FieldViolation(f"{where}.world_epoch", f"older than {world_epoch}, which was seen")])
        try:
            element = codec.encode_command(command)
        except ValueError as error:
            raise InvalidArgument([FieldViolation(f"{where}.body", str(error))]) from None
        if len(element) > session.policy.max_frame:
            raise InvalidArgument([FieldViolation(f"{where}.body", f"above {session.policy.max_frame} bytes")])
        if session.element_of(command.command_id) not in (None, element):
            raise InvalidArgument([FieldViolation(f"{where}.command_id", "in the window with other content")])
        elements.append(element)
    return elements


def take(
    commands: Sequence[bridge.Command],
    elements: Sequence[bytes],
    source: int,
    session: Session,
    spoken: Collection[str],
    reporter: Reporter,
    now: float,
) -> int:
    """Put commands in the window as far as there is room; give how many were taken, known and dropped ones included.

    `source`: the connection that `session` is of.
    """
    for taken, (command, element) in enumerate(zip(commands, elements, strict=True)):
        feature = features.OF_COMMAND.get(command.WhichOneof("body") or "")
        if feature is not None and feature not in spoken:
            reporter.add_acked(source, CURRENT, [command.command_id])
            continue
        known = session.element_of(command.command_id) is not None or reporter.holds_ack(command.command_id)
        if not known:
            if not session.room:
                return taken
            session.send(command.command_id, element, now)
    return len(commands)
