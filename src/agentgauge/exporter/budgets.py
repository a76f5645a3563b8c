"""Budgets: USD spent in the current hour, day or month of UTC, from the records of calls to models."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from agentgauge.catalogue import METRICS
from agentgauge.configuration import Budget
from agentgauge.errors import SpoolError
from agentgauge.kinds import KINDS
from agentgauge.record import Batch, Delta, Record
from agentgauge.totals import Family

_COST: Final = METRICS["agentgauge_llm_cost_usd_total"]
_AGENT, _MODEL = _COST.labels.index("gen_ai_agent_name"), _COST.labels.index("gen_ai_request_model")
_LLM: Final = KINDS["llm"]
_ROW: Final = (*_LLM.labels, *_LLM.amounts, "time")
_ROW_COST, _ROW_TIME = _ROW.index("cost_usd"), _ROW.index("time")
_ROW_AGENT, _ROW_MODEL = _ROW.index("gen_ai_agent_name"), _ROW.index("gen_ai_request_model")
_PERIOD_SECONDS: Final = {"hour": 3600, "day": 86400}


class Budgets:
    """What is spent of each budget in its current period.

    Args:
        budgets: as configured.
    """

    def __init__(self, budgets: Sequence[Budget]) -> None:
        self._accounts = [_Account(budget) for budget in budgets]

    def spend(self, entry: Record | Delta | Batch, now: float) -> None:
        """Charge the cost of what was read to the budgets it belongs to.

        Args:
            entry: what was read; a delta has no time and counts as of now.
            now: unix seconds; a record from a later time, by a clock that is ahead, counts as of now.
        """
        if not self._accounts:
            return
        if isinstance(entry, Batch):
            for row in entry.rows.get("llm", ()):
                self._charge(row[_ROW_COST], row[_ROW_AGENT], row[_ROW_MODEL], min(now, row[_ROW_TIME]))
        elif isinstance(entry, Record):
            if entry.kind == "llm":
                cost = entry.amounts.get("cost_usd", 0.0)
                agent = entry.labels.get("gen_ai_agent_name", "")
                model = entry.labels.get("gen_ai_request_model", "")
                self._charge(cost, agent, model, min(entry.time, now))
        elif entry.metric == _COST.name:
            self._charge(entry.value, entry.labels[_AGENT], entry.labels[_MODEL], now)

    def _charge(self, cost: float, agent: str, model: str, when: float) -> None:
        if cost > 0:
            for account in self._accounts:
                if account.matches(agent, model):
                    account.charge(cost, when)

    def used(self, now: float) -> list[tuple[Budget, float]]:
        """Return each budget with the share of it that is spent at a time."""
        return [(account.budget, account.spent(now) / account.budget.limit_usd) for account in self._accounts]

    def families(self, now: float) -> list[Family]:
        """Return the limits and the spent shares at a time."""
        used = self.used(now)
        if not used:
            return []
        limits: dict[tuple[Any, ...], Any] = {(budget.name,): budget.limit_usd for budget, _ in used}
        ratios: dict[tuple[Any, ...], Any] = {(budget.name,): ratio for budget, ratio in used}
        return [
            Family(METRICS["agentgauge_budget_limit_usd"], limits),
            Family(METRICS["agentgauge_budget_used_ratio"], ratios),
        ]

    def state(self) -> dict[str, Any]:
        """Return what ``restore`` takes."""
        return {account.budget.name: account.state() for account in self._accounts}

    def restore(self, state: object) -> None:
        """Continue from a state; a budget whose period or filter changed since then starts anew.

        Raises:
            SpoolError: the state is not one.
        """
        if not isinstance(state, dict):
            raise SpoolError("a state of budgets that is not a mapping")
        for account in self._accounts:
            if account.budget.name in state:
                account.restore(state[account.budget.name])


class _Account:
    """One budget and its current period."""

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self._agent = re.compile(budget.agent) if budget.agent is not None else None
        self._model = re.compile(budget.model) if budget.model is not None else None
        self._start = 0.0
        self._spent = 0.0

    def matches(self, agent: str, model: str) -> bool:
        return (self._agent is None or self._agent.fullmatch(agent) is not None) and (
            self._model is None or self._model.fullmatch(model) is not None
        )

    def charge(self, cost: float, when: float) -> None:
        start = _period_start(self.budget.period, when)
        if start < self._start:
            return  # of a period that is over
        if start > self._start:
            self._start, self._spent = start, 0.0
        self._spent += cost

    def spent(self, now: float) -> float:
        return self._spent if _period_start(self.budget.period, now) <= self._start else 0.0

    def state(self) -> dict[str, Any]:
        return {"of": self._identity(), "start": self._start, "spent": self._spent}

    def restore(self, state: Any) -> None:
        try:
            if state["of"] == self._identity():
                self._start, self._spent = float(state["start"]), float(state["spent"])
        except (KeyError, TypeError, ValueError) as error:
            raise SpoolError(f"a state of budget {self.budget.name!r} that cannot be read: {error!r}") from error

    def _identity(self) -> list[str | None]:
        return [self.budget.period, self.budget.agent, self.budget.model]


def _period_start(period: str, when: float) -> float:
    if period in _PERIOD_SECONDS:
        return when - when % _PERIOD_SECONDS[period]
    month = datetime.fromtimestamp(when, UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return month.timestamp()
