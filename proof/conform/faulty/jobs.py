"""Mistakes with jobs, trucks, worlds, and the extension."""

import asyncio
from typing import Any

from partners.ups import ups_pb2 as ups
from proof.conform.faulty.victim import Faults, Victim
from proof.conform.speech import FEATURES, fingerprint
from sim.contract import our_contract
from sim.ups.model.jobs import JobState

jobs = Faults()


@jobs.plant("forgets-with-the-connection", "jobs are kept with the connection, and gone with it", "4.12a", "4.12c")
def _(victim: Victim) -> None:
    def make(lost: Any) -> Any:
        def forgotten(now: float) -> None:
            lost(now)
            victim.fleet.jobs.clear()

        return forgotten

    victim.replace(victim.shop, "lost", make)


@jobs.plant("delivered-twice", "a request for a package that is delivered sends a truck again", "6.7c")
def _(victim: Victim) -> None:
    def make(pickup_wanted: Any) -> Any:
        def again(job: Any) -> None:
            known = victim.fleet.jobs.get(job.ship)
            if known is not None and known.state is JobState.DELIVERED:
                del victim.fleet.jobs[job.ship]
            pickup_wanted(job)

        return again

    victim.replace(victim.fleet, "pickup_wanted", make)


@jobs.plant("copy-changes-the-address", "a late copy of a request brings its old address back", "6.8a")
def _(victim: Victim) -> None:
    def make(pickup_wanted: Any) -> Any:
        def overwritten(job: Any) -> None:
            known = victim.fleet.jobs.get(job.ship)
            if known is not None:
                known.x, known.y = job.x, job.y
            pickup_wanted(job)

        return overwritten

    victim.replace(victim.fleet, "pickup_wanted", make)


@jobs.plant("known-is-silent", "a request for a job whose truck is there is not answered again", "6.7b", "7.5a")
def _(victim: Victim) -> None:
    def make(pickup_wanted: Any) -> Any:
        def silent(job: Any) -> None:
            if job.ship not in victim.fleet.jobs:
                pickup_wanted(job)

        return silent

    victim.replace(victim.fleet, "pickup_wanted", make)


@jobs.plant("truck-told-too-early", "UALoadRequest is sent with the truck, not when it has arrived", "6.2a")
def _(victim: Victim) -> None:
    def make(join: Any) -> Any:
        def early(job: Any, truck: Any) -> None:
            join(job, truck)
            if job.state is JobState.COMING:
                victim.shop.load(job, truck)

        return early

    victim.replace(victim.fleet, "_join", make)


@jobs.plant("delivered-told-too-early", "UADelivered is sent when the truck leaves", "6.5a")
def _(victim: Victim) -> None:
    def make(send_out: Any) -> Any:
        def early(truck: Any, sent: Any, now: float) -> None:
            send_out(truck, sent, now)
            for job in sent:
                victim.shop.delivered(job)

        return early

    victim.replace(victim.fleet, "_send_out", make)


@jobs.plant("leaves-by-itself", "the truck leaves after five ticks, without AUDeliverRequest", "6.3a", "6.5b")
def _(victim: Victim) -> None:
    def make(load: Any) -> Any:
        def leaving(job: Any, truck: Any) -> None:
            load(job, truck)
            victim.later(5 * victim.model.settings.tick, lambda now: victim.fleet.deliver_wanted(0, job.ship, now))

        return leaving

    victim.replace(victim.shop, "load", make)


@jobs.plant("err-for-want-of-a-truck", "a request that finds no free truck is refused and forgotten", "6.1b")
def _(victim: Victim) -> None:
    def make(pickup_wanted: Any) -> Any:
        def refused(job: Any) -> None:
            if job.ship not in victim.fleet.jobs and sum(map(len, (truck.jobs for truck in _trucks(victim)))) > 15:
                victim.shop.error("no truck is free", job.asked_as)
            else:
                pickup_wanted(job)

        return refused

    victim.replace(victim.fleet, "pickup_wanted", make)


def _trucks(victim: Victim) -> list[Any]:
    return list(victim.fleet.trucks.values())


@jobs.plant("a-world-per-connection", "each connection to the world makes a new world", "8.6c", "7.7e")
def _(victim: Victim) -> None:
    def make(lost: Any) -> Any:
        def another(now: float) -> None:
            lost(now)
            victim.world._give_up_world()

        return another

    victim.replace(victim.world, "lost", make)


@jobs.plant("old-jobs-go-on", "in another world the jobs of the one before are told again", "8.4c")
def _(victim: Victim) -> None:
    def make(start: Any) -> Any:
        def going_on(trucks: Any, *, forgot: bool = False) -> None:
            before = [job for job in victim.fleet.jobs.values() if job.state is not JobState.DELIVERED]
            start(trucks, forgot=forgot)
            truck = next(iter(victim.fleet.trucks.values()))
            for job in before:
                asyncio.get_running_loop().call_later(0.5, victim.shop.load, job, truck)

        return going_on

    victim.replace(victim.fleet, "start", make)


@jobs.plant("redirect-not-done", "a redirect is accepted, and the address stays", "11.3.1a", "11.3.2a")
def _(victim: Victim) -> None:
    def make(_: Any) -> Any:
        return lambda wanted, ship, _now: victim.shop.redirected(wanted.number, ship, None)

    victim.replace(victim.fleet, "redirect_wanted", make)


@jobs.plant("late-redirect", "of two redirects the one that comes last counts, whatever its number", "11.3.4a")
def _(victim: Victim) -> None:
    def make(redirect_wanted: Any) -> Any:
        def any_order(wanted: Any, ship: int, now: float) -> None:
            job = victim.fleet.jobs.get(ship)
            if job is not None:
                job.redirected_as = None
            redirect_wanted(wanted, ship, now)

        return any_order

    victim.replace(victim.fleet, "redirect_wanted", make)


@jobs.plant("redirect-unanswered", "a redirect that is refused is not answered", "11.3.3a", "11.3.3b")
def _(victim: Victim) -> None:
    def make(redirected: Any) -> Any:
        def silent(number: int, ship: int, refusal: str | None) -> None:
            if refusal is None:
                redirected(number, ship, refusal)

        return silent

    victim.replace(victim.shop, "redirected", make)


@jobs.plant("cancel-forgotten", "a job that was cancelled is deleted: a late copy brings it back", "11.4.3a", "11.4.3b")
def _(victim: Victim) -> None:
    def make(cancel_wanted: Any) -> Any:
        def forgotten(number: int, ship: int) -> None:
            cancel_wanted(number, ship)
            job = victim.fleet.jobs.get(ship)
            if job is not None and job.state is JobState.CANCELLED:
                del victim.fleet.jobs[ship]

        return forgotten

    victim.replace(victim.fleet, "cancel_wanted", make)


@jobs.plant("cancels-anything", "a cancel is accepted while the package is under way", "11.4.3c")
def _(victim: Victim) -> None:
    def make(cancelled: Any) -> Any:
        def accepted(number: int, ship: int, _refusal: str | None) -> None:
            cancelled(number, ship, None)

        return accepted

    victim.replace(victim.shop, "cancelled", make)


@jobs.plant("started-too-early", "UADeliveryStarted is sent with the UALoadRequest", "11.6.1a")
def _(victim: Victim) -> None:
    def make(load: Any) -> Any:
        def early(job: Any, truck: Any) -> None:
            load(job, truck)
            victim.shop.started(job, truck)

        return early

    victim.replace(victim.shop, "load", make)


@jobs.plant("features-always-on", "elements of the extension are sent to an Amazon that named none", "11.2b", "11.1b")
def _(victim: Victim) -> None:
    def make(opened: Any) -> Any:
        def on(now: float) -> None:
            opened(now)
            victim.shop.on = frozenset(FEATURES)

        return on

    victim.replace(victim.shop, "opened", make)
    victim.replace(victim.shop, "_greeted", lambda _: lambda _hello: None)


def _announcing(victim: Victim, change: Any) -> None:
    def make(announcement: Any) -> Any:
        def changed(now: float) -> ups.UAstart | None:
            start: ups.UAstart | None = announcement(now)
            if start is not None:
                change(start.contract)
            return start

        return changed

    victim.replace(victim.shop, "announcement", make)


@jobs.plant("fingerprint-with-names", "the fingerprint is taken over the names as well", "12.2a")
def _(victim: Victim) -> None:
    def named(contract: ups.Contract) -> None:
        contract.fingerprint = fingerprint(f"{line} x" for line in contract.fields)

    _announcing(victim, named)


@jobs.plant("acks-in-field-8", "the partner's contract has acks in field 8", "12.4a")
def _(victim: Victim) -> None:
    def other(contract: ups.Contract) -> None:
        lines = [line.replace("UACommand 3 ", "UACommand 8 ") for line in our_contract().fields]
        contract.CopyFrom(ups.Contract(fingerprint=fingerprint(lines), fields=lines))

    _announcing(victim, other)
