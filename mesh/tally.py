"""What a link has done since its process started: counted here, told in GetLinkStatus."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from mesh.attachment import Attachment
from shop.bridge.v1 import bridge_pb2


class Counted(Protocol):
    """The session of a live connection, as far as it is counted."""

    elements_sent: int
    resends: int

    @property
    def unacked_count(self) -> int:
        """How many elements are in its window."""
        ...


@dataclass(slots=True)
class Tally:
    """Counts over all connections; those of a live session are added when it ends."""

    elements_sent: int = 0
    resends: int = 0
    frames_sent: int = 0
    frames_received: int = 0
    reconnects: int = 0
    bad_messages: int = 0
    last_frame_at: float | None = None

    def close(self, session: Counted) -> None:
        """A connection ended: keep what its session counted."""
        self.elements_sent += session.elements_sent
        self.resends += session.resends

    def status(
        self, attachment: Attachment, sessions: Sequence[Counted], parked: int, window: int, loss: float
    ) -> bridge_pb2.GetLinkStatusResponse:
        """The counts of the link; `parked` commands wait for the next connection. The state is the caller's."""
        status = bridge_pb2.GetLinkStatusResponse(
            link=attachment.identity.link,
            link_epoch=attachment.link_epoch,
            unacked=parked + sum(session.unacked_count for session in sessions),
            window=window,
            frames_sent=self.frames_sent,
            frames_received=self.frames_received,
            elements_sent=self.elements_sent + sum(session.elements_sent for session in sessions),
            resends=self.resends + sum(session.resends for session in sessions),
            reconnects=self.reconnects,
            bad_frames=self.bad_messages,
            loss_estimate=loss,
        )
        if self.last_frame_at is not None:
            status.last_frame_at.FromNanoseconds(int(self.last_frame_at * 1e9))
        return status
