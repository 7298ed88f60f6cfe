"""Plan and apply: what differs between the project and the registry, as a value, and carrying it out."""

from featurestore.plan.apply import apply
from featurestore.plan.bump import Patch, bump
from featurestore.plan.changes import BindingChange, Change, ChangeKind, Difference, GroupChange
from featurestore.plan.diff import make_plan
from featurestore.plan.git import GitState, git_state
from featurestore.plan.html import plan_html
from featurestore.plan.plan import Plan, load, require_same, save
from featurestore.plan.text import plan_text

__all__ = [
    "BindingChange",
    "Change",
    "ChangeKind",
    "Difference",
    "GitState",
    "GroupChange",
    "Patch",
    "Plan",
    "apply",
    "bump",
    "git_state",
    "load",
    "make_plan",
    "plan_html",
    "plan_text",
    "require_same",
    "save",
]
