"""Mistakes with numbers, acks, copies and connections."""

from typing import Any

from partners.ups import ups_pb2 as ups
from proof.conform.faulty.victim import Faults, Victim

numbers = Faults()


def _command(body: bytes) -> ups.AUCommand:
    return ups.AUCommand.FromString(body)


@numbers.plant("no-re-ack", "a copy is known, and not acked again", "5.6b", "5.6f")
def _(victim: Victim) -> None:
    def is_new(number: int) -> bool:
        new: bool = victim.shop._incoming.is_new(number)
        if new:
            victim.shop._acks.append(number)
        return new

    victim.shop._is_new = is_new


@numbers.plant("fields-in-order", "elements are handled in the order in which they stand in a message", "3.3d")
def _(victim: Victim) -> None:
    def hear(body: bytes) -> list[bytes]:
        wanted = _command(body).pickupRequests
        return [*(ups.AUCommand(pickupRequests=[one]).SerializeToString() for one in wanted), body]

    victim.hear(hear)


@numbers.plant("forgets-when-busy", "what there was no room for is acked and thrown away", "5.14a")
def _(victim: Victim) -> None:
    def hear(body: bytes) -> list[bytes]:
        command = _command(body)
        for lost in command.pickupRequests[300:]:
            victim.shop._is_new(lost.seqNum)
        return [body]

    victim.hear(hear)


@numbers.plant("dedup-by-content", "a request for a package that is known is thrown away, whatever its number", "6.7a")
def _(victim: Victim) -> None:
    seen: dict[bytes, int] = {}

    def hear(body: bytes) -> list[bytes]:
        command = _command(body)
        for wanted in list(command.pickupRequests):
            number, wanted.seqNum = wanted.seqNum, 0
            content = wanted.SerializeToString()
            wanted.seqNum = number
            if seen.setdefault(content, number) != number:
                command.pickupRequests.remove(wanted)
        return [command.SerializeToString()]

    victim.hear(hear)


@numbers.plant("copy-with-another-content", "a known number with another content is a new request", "5.9b")
def _(victim: Victim) -> None:
    seen: dict[tuple[int, int], bool] = {}
    known: set[int] = set()

    def hear(body: bytes) -> list[bytes]:
        for wanted in _command(body).pickupRequests:
            key = (wanted.seqNum, wanted.shipId)
            if wanted.seqNum in known and key not in seen:
                victim.shop._pickup(wanted)
            known.add(wanted.seqNum)
            seen[key] = True
        return [body]

    victim.hear(hear)


@numbers.plant("acks-the-wrong-space", "its own numbers are acked, which Amazon acked", "5.6e", "5.10a")
def _(victim: Victim) -> None:
    def hear(body: bytes) -> list[bytes]:
        victim.shop._acks.extend(_command(body).acks)
        return [body]

    victim.hear(hear)


@numbers.plant("one-space", "a request under a number of its own elements is taken for their ack", "5.1a")
def _(victim: Victim) -> None:
    def hear(body: bytes) -> list[bytes]:
        for wanted in _command(body).pickupRequests:
            victim.shop._outgoing.acked(wanted.seqNum)
        return [body]

    victim.hear(hear)


@numbers.plant("acks-all-below", "an ack is taken for all numbers below it, too", "5.4e")
def _(victim: Victim) -> None:
    def make(acked: Any) -> Any:
        def all_below(number: int) -> bool:
            book = victim.shop._outgoing
            for lower in [one for one in (*book._unsent, *book._sent) if one < number]:
                acked(lower)
            return bool(acked(number))

        return all_below

    victim.replace(victim.shop._outgoing, "acked", make)


@numbers.plant("never-sends-again", "what is not acked is not sent again on the same connection", "5.4a", "5.4b")
def _(victim: Victim) -> None:
    victim.shop._outgoing._interval = 1e9


@numbers.plant("a-new-number-per-copy", "each copy has a number of its own", "5.4a", "5.4b")
def _(victim: Victim) -> None:
    def make(take: Any) -> Any:
        def renumbered(now: float) -> list[Any]:
            book = victim.shop._outgoing
            told = []
            for element in take(now):
                if element.seqNum in victim.memory.setdefault("said", set()):
                    again = type(element)()
                    again.CopyFrom(element)
                    again.seqNum = book.number()
                    told.append(again)
                else:
                    told.append(element)
                victim.memory["said"].add(element.seqNum)
            return told

        return renumbered

    victim.replace(victim.shop._outgoing, "take", make)


@numbers.plant("does-not-read-acks", "what is acked is sent again for ever", "5.4d")
def _(victim: Victim) -> None:
    victim.shop._outgoing.acked = lambda _number: False


@numbers.plant("unacked-are-forgotten", "what is unacked when the connection breaks is gone", "5.4c", "5.4f")
def _(victim: Victim) -> None:
    def gone() -> None:
        victim.shop._outgoing._sent.clear()

    victim.shop._outgoing.start_over = gone


@numbers.plant("rising-numbers-only", "a number below one that came before is taken for a copy", "5.2c")
def _(victim: Victim) -> None:
    def is_new(number: int) -> bool:
        victim.shop._acks.append(number)
        new = number > victim.shop._incoming.highest
        return bool(victim.shop._incoming.is_new(number)) and new

    victim.shop._is_new = is_new


@numbers.plant("waits-for-gaps", "a number is left alone until those in front of it have come", "5.2d")
def _(victim: Victim) -> None:
    def hear(body: bytes) -> list[bytes]:
        command = _command(body)
        for wanted in list(command.pickupRequests):
            highest = victim.shop._incoming.highest
            if highest > 0 and wanted.seqNum > highest + 1000:
                command.pickupRequests.remove(wanted)
        return [command.SerializeToString()]

    victim.hear(hear)


@numbers.plant("numbers-from-1-again", "after a restart numbers begin at 1 again", "5.3a")
def _(victim: Victim) -> None:
    victim.shop._outgoing._next = 1


@numbers.plant("one-number-for-two", "UALoadRequest and UADelivered are counted together by the ship", "5.2a")
def _(victim: Victim) -> None:
    def make(_: Any) -> Any:
        def delivered(job: Any) -> None:
            number = victim.memory[job.ship]
            told = ups.UADelivered(seqNum=number, shipId=job.ship)
            victim.shop._outgoing.add(number, told)

        return delivered

    def noted(load: Any) -> Any:
        def told(job: Any, truck: Any) -> None:
            victim.memory[job.ship] = victim.shop._outgoing._next
            load(job, truck)

        return told

    victim.replace(victim.shop, "load", noted)
    victim.replace(victim.shop, "delivered", make)


@numbers.plant("late-acks", "acks wait for a second, to go with others", "5.12a")
def _(victim: Victim) -> None:
    def make(command: Any) -> Any:
        def later(now: float) -> Any:
            shop = victim.shop
            due = victim.memory.setdefault("due", [])
            due += [(now + 1.0, number) for number in shop._acks]
            shop._acks = [number for at, number in due if at <= now]
            victim.memory["due"] = [(at, number) for at, number in due if at > now]
            if victim.memory["due"]:
                victim.later(0.2, lambda _: None)
            return command(now)

        return later

    victim.replace(victim.shop, "command", make)


@numbers.plant("errs-unacked", "an Err of Amazon's is not acked", "9.6a")
def _(victim: Victim) -> None:
    def hear(body: bytes) -> list[bytes]:
        command = _command(body)
        del command.error[:]
        return [command.SerializeToString()]

    victim.hear(hear)


@numbers.plant("err-names-itself", "an Err names its own number as the origin", "9.2a")
def _(victim: Victim) -> None:
    victim.replace(victim.shop, "error", lambda error: lambda text, _: error(text, victim.shop._outgoing._next))


@numbers.plant("no-err", "what cannot be done is acked and not refused", "9.2a")
def _(victim: Victim) -> None:
    victim.shop.error = lambda _text, _origin: None


@numbers.plant("another-world", "a world id from a settings file is announced, not the world's own", "4.1b", "4.1c")
def _(victim: Victim) -> None:
    victim.model.faults.announce = 4711


@numbers.plant("announces-once", "UAstart is sent on the first connection only", "4.10a")
def _(victim: Victim) -> None:
    def make(opened: Any) -> Any:
        def once(now: float) -> None:
            opened(now)
            if victim.memory.setdefault("announced", False):
                victim.shop._announce_at = None
            victim.memory["announced"] = True

        return once

    victim.replace(victim.shop, "opened", make)


@numbers.plant("not-repeated", "UAstart is sent once on a connection, acked or not", "4.6a")
def _(victim: Victim) -> None:
    def make(announcement: Any) -> Any:
        def once(now: float) -> Any:
            made = announcement(now)
            victim.shop._announce_at = None
            return made

        return once

    victim.replace(victim.shop, "announcement", make)


@numbers.plant("speaks-before-UAstart", "a UACommand comes before UAstart", "4.1a", "4.10a")
def _(victim: Victim) -> None:
    victim.dialler.on_open = lambda connection: connection.send(ups.UACommand(acks=[]).SerializeToString())


@numbers.plant("UAstart-number-again", "the number of UAstart is also that of the first element", "4.7a")
def _(victim: Victim) -> None:
    def make(announce: Any) -> Any:
        def again(world_id: int, now: float) -> None:
            announce(world_id, now)
            victim.shop._outgoing._next -= 1

        return again

    victim.replace(victim.shop, "announce", make)


@numbers.plant("dials-without-pause", "a closed connection is dialled again at once, as fast as it goes", "4.10d")
def _(victim: Victim) -> None:
    def make(lost: Any) -> Any:
        def at_once(now: float) -> None:
            lost(now)
            victim.shop.redial_at = now

        return at_once

    victim.replace(victim.shop, "lost", make)


@numbers.plant(
    "flat-pause", "a connection that ends at once is dialled again after the same short pause, for ever", "4.10d"
)
def _(victim: Victim) -> None:
    def make(lost: Any) -> Any:
        def soon(now: float) -> None:
            lost(now)
            victim.shop.redial_at = now + victim.model.settings.tick

        return soon

    victim.replace(victim.shop, "lost", make)


@numbers.plant("gives-up", "after two lost connections Amazon is not dialled any more", "4.10c")
def _(victim: Victim) -> None:
    def make(lost: Any) -> Any:
        def forever(now: float) -> None:
            lost(now)
            victim.memory["lost"] = victim.memory.get("lost", 0) + 1
            if victim.memory["lost"] > 2:
                victim.shop.redial_at = now + 1e6

        return forever

    victim.replace(victim.shop, "lost", make)
