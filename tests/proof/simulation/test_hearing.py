"""What may be acknowledged: what was said on that very connection, and is committed."""

from partners.ups import ups_pb2 as ups
from partners.world import world_amazon_pb2 as world
from proof.simulation.hearing import Committed, Hearing, told
from shop.fulfilment.v1 import fulfilment_pb2 as pb


def delivered(number: int, ship: int) -> bytes:
    return ups.UACommand(delivered=[ups.UADelivered(seqNum=number, shipId=ship)]).SerializeToString()


def committed(number: int, ship: int) -> Committed:
    event = pb.PeerEvent(seqnum=number, delivered=pb.Delivered(shipment_id=ship))
    return Committed({told("ups", event)})


def acks(*numbers: int) -> bytes:
    return ups.AUCommand(acks=numbers).SerializeToString()


def test_a_number_of_a_life_before_says_nothing_of_what_is_said_under_it_now() -> None:
    before, after = Hearing("ups"), Hearing("ups")
    before.heard(delivered(3, 5), 0.0)
    after.heard(delivered(3, 6), 9.0)
    assert before.missing(acks(3), committed(3, 5)) == []
    assert after.missing(acks(3), committed(3, 5)) == [3]
    assert after.missing(acks(4), committed(4, 5)) == [4], "it was never said here"


def test_an_announcement_must_be_written_down_when_it_came_or_later() -> None:
    books = Committed()
    hearing = Hearing("ups")
    hearing.heard(ups.UAstart(worldid=8, seqnum=1).SerializeToString(), 10.0)
    assert hearing.missing(acks(1), books) == [1]
    books.note_announced(3.0, (8, ""))
    books.note_announced(5.0, (7, ""))
    assert hearing.missing(acks(1), books) == [1], "that was before"
    books.note_announced(11.0, (8, ""))
    assert hearing.missing(acks(1), books) == []


def test_an_announcement_stands_for_those_before_it_and_for_none_after_it() -> None:
    books = Committed()
    hearing = Hearing("ups")
    for number, world_id in enumerate((8, 7, 9), 1):
        hearing.heard(ups.UAstart(worldid=world_id, seqnum=number).SerializeToString(), 10.0 + number)
    books.note_announced(20.0, (7, ""))
    assert hearing.missing(acks(1, 2, 3), books) == [3]


def test_a_status_is_known_again_by_its_parcel_alone() -> None:
    hearing = Hearing("world")
    for status in ("packing", "packed"):
        said = world.AResponses(packagestatus=[world.APackage(packageid=5, status=status, seqnum=3)])
        hearing.heard(said.SerializeToString(), 0.0)
    event = pb.PeerEvent(seqnum=3, package_status=pb.PackageStatus(shipment_id=5, status="loaded"))
    assert hearing.missing(world.ACommands(acks=[3]).SerializeToString(), Committed({told("world", event)})) == []
