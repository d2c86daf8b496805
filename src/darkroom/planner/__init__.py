"""Which picture is meant, and what is to be done with it: pure rules, and what a chat model is asked instead."""

from darkroom.planner.choice import Candidate, Choice, choose
from darkroom.planner.plan import OPERATIONS, Operation, Plan
from darkroom.planner.rules import plan
from darkroom.planner.scene import KINDS, Kind, Picture, Said, Scene, Use

__all__ = [
    "KINDS",
    "OPERATIONS",
    "Candidate",
    "Choice",
    "Kind",
    "Operation",
    "Picture",
    "Plan",
    "Said",
    "Scene",
    "Use",
    "choose",
    "plan",
]
