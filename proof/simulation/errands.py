"""What the storefront does beside the orders, in some seeds: it asks for accounts, and tells of orders by letters.

Rules: as the storefront's own mailer does it: what is listed is told, and settled after it; what was listed and not
settled in time is listed again, and told once. An account is asked for once: no answer is as good as any.
"""

from collections import Counter
from random import Random
from typing import Any

from mesh.errors import RpcFailure
from mesh.identity import Caller
from orders_svc.domain.news import MARGIN_TICKS
from proof.simulation.calls import UNSURE
from proof.simulation.database import BEGINNING, SHOPPERS
from proof.simulation.environment import Environment
from proof.simulation.orders import ADDRESS, LATE_AFTER_SECONDS
from proof.simulation.violations import fail
from proof.simulation.wishes import DEADLINE_SECONDS
from shop.orders.v1 import orders_pb2 as pb

ME = Caller("storefront", None)
PAGE = 3
_KIND = pb.NewsKind
_VERDICT = pb.AccountVerdict
# What ends an order.
_ENDS = {"delivered": _KIND.NEWS_KIND_DELIVERED, "cancelled": _KIND.NEWS_KIND_CANCELLED}
# Each order, and how it stands for its owner.
_ORDERS = """
select order_id, case when min(goods = 'cancelled') then 'cancelled'
    when min(goods = 'cancelled' or truck = 'delivered') then 'delivered' else 'open' end
from shipments where superseded_by is null group by 1
"""


class Errands:
    """Those of one run; nobody runs them if the seed has none."""

    def __init__(self, env: Environment) -> None:
        self.env = env
        # As the shoppers, whose calls go the same way.
        self.process = env.process("shoppers")
        self.rng = Random(f"errands {env.seed}")
        # Of all letters: (order, kind).
        self.told: set[tuple[int, int]] = set()
        self.verdicts: Counter[str] = Counter()
        self._settled: set[tuple[int, int]] = set()
        self._asked = self._answered = 0

    @property
    def done(self) -> bool:
        """Whether everything is told that is to be told, and every question over."""
        return not self.env.setup.errands or (self._answered == self._asked and not self.env.db.untold())

    def start(self) -> None:
        """Begins."""
        if not self.env.setup.errands:
            return
        self.process.begin()
        self._rest()
        for _ in range(self.rng.randint(4, 10)):
            at = BEGINNING + self.rng.uniform(0.0, self.env.profile.span)
            self._asked += 1
            self.env.scheduler.at(at, self.process, self._check)

    # Letters.

    def _rest(self) -> None:
        self.env.scheduler.after(self.rng.uniform(2.0, 20.0), self.process, lambda: self._list(""))

    def _list(self, token: str) -> None:
        self._call("ListNews", pb.ListNewsRequest(page_size=PAGE, page_token=token), self._listed)

    def _listed(self, answer: Any) -> None:
        if isinstance(answer, RpcFailure):
            self._rest()
            return
        for one in answer.news:
            key = (one.order_id, one.kind)
            if key in self._settled:
                fail("G2", f"{_KIND.Name(one.kind)} of order {one.order_id} was settled, and is to be told again")
            self._tell(one.order_id, one.kind)
        if not answer.news:
            self._rest()
            return
        settling = pb.SettleNewsRequest(news=answer.news)
        self._call("SettleNews", settling, lambda said: self._is_settled(settling, said, answer.next_page_token))

    def _tell(self, order_id: int, kind: int) -> None:
        self.told.add((order_id, kind))
        env = self.env
        if kind == _KIND.NEWS_KIND_LATE and not env.clock.found:
            placed_at = env.db.one("select placed_at from orders where id = ?", order_id)
            if env.scheduler.time < placed_at + min(LATE_AFTER_SECONDS, MARGIN_TICKS * env.setup.patience.tick):
                fail("G6", f"order {order_id} is called late after {env.scheduler.time - placed_at:.0f} s")

    def _is_settled(self, settling: pb.SettleNewsRequest, answer: Any, token: str) -> None:
        if not isinstance(answer, RpcFailure):
            self._settled.update((one.order_id, one.kind) for one in settling.news)
            if token:
                self._list(token)
                return
        self._rest()

    # Accounts.

    def _check(self) -> None:
        strangers = self.env.setup.ups.strangers
        name = self.rng.choice(("user2", "user3", *strangers))
        request = pb.CheckAccountRequest(ups_account=name)
        self._call("CheckAccount", request, lambda answer: self._checked(name not in strangers, answer), shopper=True)

    def _checked(self, is_known: bool, answer: Any) -> None:
        self._answered += 1
        if isinstance(answer, RpcFailure):
            if answer.code not in UNSURE:
                fail("G8", f"an account could not be checked: {answer.reason}")
            return
        true = _VERDICT.ACCOUNT_VERDICT_VERIFIED if is_known else _VERDICT.ACCOUNT_VERDICT_UNKNOWN
        if answer.verdict not in (true, _VERDICT.ACCOUNT_VERDICT_NOT_VERIFIED):
            fail("G3", f"{_VERDICT.Name(answer.verdict)} was said of an account, and it is {_VERDICT.Name(true)}")
        self.verdicts[_VERDICT.Name(answer.verdict)] += 1

    def _call(self, method: str, request: Any, answered: Any, *, shopper: bool = False) -> None:
        who = Caller("storefront", SHOPPERS[0]) if shopper else ME
        self.env.calls.call(self.process, who, ADDRESS, method, request, DEADLINE_SECONDS, answered)

    # At the end.

    def wrong(self) -> list[tuple[str, str]]:
        """All that is wrong about letters, as (guarantee, words)."""
        if not self.env.setup.errands:
            return []
        found = []
        for order_id, status in self.env.db.rows(_ORDERS):
            ended = {name for name, kind in _ENDS.items() if (order_id, kind) in self.told}
            if ended != {status} - {"open"}:
                found.append(("G1", f"order {order_id} is {status}, and its owner was told {ended or 'of no end'}"))
            if (order_id, _KIND.NEWS_KIND_PLACED) not in self.told:
                found.append(("G1", f"nobody was told that order {order_id} was accepted"))
        return found
