"""A scenario and a seed → who takes part, with which identities, what each sends, and when it starts."""

from simulator.plan.members import Member
from simulator.plan.planning import Plan, make_plan

__all__ = ["Member", "Plan", "make_plan"]
