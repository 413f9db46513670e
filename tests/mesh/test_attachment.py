"""Who asks for a link that has moved asks again with the epoch that it was told, at once but not for ever."""

import grpc
import pytest

from mesh.attachment import Attachment, Call, Identity
from mesh.errors import RpcFailure
from shop.fulfilment.v1 import fulfilment_pb2 as pb

NOW = 1000.0


class Delays:
    """2 s, and then twice as long each time."""

    def __init__(self) -> None:
        self.length = 1.0

    def next(self) -> float:
        self.length *= 2
        return self.length

    def reset(self) -> None:
        self.length = 1.0


@pytest.fixture
def attachment() -> Attachment:
    return Attachment(Identity("world", "w", "nonce", "127.0.0.1:1"), Delays(), NOW)


def moved(**metadata: str) -> RpcFailure:
    return RpcFailure(grpc.StatusCode.FAILED_PRECONDITION, "LINK_MOVED", "link world has moved", metadata)


def asked(attachment: Attachment, now: float) -> Call:
    call = attachment.due(now, connected=False, state="")
    assert call is not None
    return call


def test_who_is_told_the_epoch_asks_again_at_once_and_names_it(attachment: Attachment) -> None:
    first = asked(attachment, NOW)
    assert first.request.seen_epoch == 0
    attachment.answered(first, moved(link_epoch="7"), NOW)
    assert attachment.trouble == "not attached yet"
    second = asked(attachment, NOW)
    assert second.request.seen_epoch == 7
    assert attachment.answered(second, pb.AttachLinkResponse(link_epoch=8, lease_seconds=3.0), NOW)
    assert (attachment.link_epoch, attachment.trouble) == (8, "")


def test_who_is_told_time_and_again_waits_in_between(attachment: Attachment) -> None:
    attachment.answered(asked(attachment, NOW), moved(link_epoch="7"), NOW)
    attachment.answered(asked(attachment, NOW), moved(link_epoch="8"), NOW)
    assert attachment.trouble == "orders_svc refuses: LINK_MOVED link world has moved"
    assert attachment.next_timer == NOW + 4.0
    assert asked(attachment, NOW + 4.0).request.seen_epoch == 8


@pytest.mark.parametrize("metadata", [{}, {"link_epoch": ""}, {"link_epoch": "-1"}, {"link_epoch": "seven"}])
def test_a_refusal_that_tells_no_epoch_is_a_refusal_like_others(
    attachment: Attachment, metadata: dict[str, str]
) -> None:
    attachment.answered(asked(attachment, NOW), moved(**metadata), NOW)
    assert attachment.next_timer == NOW + 2.0
    assert asked(attachment, NOW + 2.0).request.seen_epoch == 0
