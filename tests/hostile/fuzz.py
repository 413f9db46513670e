"""Coverage-guided fuzzing of the framer, the codecs and the UPS link: `python -m tests.hostile.fuzz [OPTIONS]`.

The options are libFuzzer's; it ends by itself with `-max_total_time=SECONDS` or `-runs=N`. The first byte of an input
chooses who gets the rest. A finding ends it with the input in a file, and `python -m tests.hostile.fuzz FILE` plays
that again.
"""

import atexit
import shutil
import sys
import tempfile
from pathlib import Path

import atheris

from partners.ups import ups_pb2 as ups
from partners.world import world_amazon_pb2 as world

with atheris.instrument_imports(include=["wire", "ups_bridge", "world_bridge", "mesh.reporting"]):
    from tests.hostile.invariants import (
        framer_holds,
        ups_link_holds,
        ups_words_hold,
        world_greeting_holds,
        world_responses_hold,
    )
    from ups_bridge import contract, features
    from wire.framing import encode_frames

TARGETS = (framer_holds, world_greeting_holds, world_responses_hold, ups_words_hold, ups_link_holds)


def target(data: bytes) -> None:
    """Whatever comes must hold."""
    if data:
        TARGETS[data[0] % len(TARGETS)](data[1:])


def seeds() -> list[bytes]:
    """Inputs to begin with: protobuf's parser is not instrumented, and whole messages are hard to come by."""
    start = ups.UAstart(worldid=7, seqnum=1)
    difference = ups.Contract(
        fingerprint="theirs", fields=[contract.ours().fields[0], "UAstart 1 required int32 world"]
    )
    speaking = ups.UAstart(worldid=7, seqnum=1, features=features.SPOKEN, contract=difference)
    answers = ups.UACommand(
        redirectAnswers=[ups.UARedirectAnswer(seqNum=2, originSeqNum=1, shipId=1, accepted=True)],
        cancelAnswers=[ups.UACancelAnswer(seqNum=3, originSeqNum=2, shipId=1, accepted=False, reason="gone")],
        accountAnswers=[ups.UAAccountAnswer(seqNum=4, originSeqNum=3, upsName="ann", known=True)],
        deliveryStarted=[ups.UADeliveryStarted(seqNum=5, shipId=1, truckId=3)],
        truckPositions=[ups.UATruckPosition(truckId=3, x=1, y=-1, shipIds=[1])],
    )
    told = ups.UACommand(
        loadRequests=[ups.UALoadRequest(seqNum=2, truckId=3, shipId=4)],
        delivered=[ups.UADelivered(seqNum=5, shipId=4)],
        acks=[6, 7],
        error=[ups.Err(err="no", originSeqNum=8, seqNum=9)],
    )
    product = world.AProduct(id=1, description="a", count=2)
    said = world.AResponses(
        arrived=[world.APurchaseMore(whnum=1, things=[product], seqnum=1)],
        ready=[world.APacked(shipid=4, seqnum=2)],
        loaded=[world.ALoaded(shipid=4, seqnum=3)],
        finished=False,
        error=[world.AErr(err="no", originseqnum=4, seqnum=5)],
        acks=[6],
        packagestatus=[world.APackage(packageid=4, status="PACKED", seqnum=7)],
    )
    greeting = world.AConnected(worldid=7, result="connected!")
    bodies = [one.SerializeToString() for one in (greeting, said, start, told, speaking, answers)]
    return [bytes([which]) + content for which in range(len(TARGETS)) for content in (*bodies, encode_frames(bodies))]


def main(arguments: list[str]) -> None:
    """Fuzzes with libFuzzer's options; never returns."""
    corpus = Path(tempfile.mkdtemp(prefix="minimart-fuzz-"))
    atexit.register(shutil.rmtree, corpus, ignore_errors=True)
    for number, seed in enumerate(seeds()):
        (corpus / str(number)).write_bytes(seed)
    replays = any(Path(argument).is_file() for argument in arguments)
    atheris.Setup([sys.argv[0], "-max_len=512", *arguments, *([] if replays else [str(corpus)])], target)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1:])
