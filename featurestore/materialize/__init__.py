"""Materialization: which boundaries are missing, and the run that brings a group's online store up to one."""

from featurestore.materialize.due import Due, boundaries_between, due, newest_due
from featurestore.materialize.groups import group_fingerprint, group_key, must_be_whole
from featurestore.materialize.leasing import LEASE_TTL, Clock, KeptLease, Report
from featurestore.materialize.result import (
    Caller,
    Outcome,
    Records,
    RunResult,
    Stores,
    micros,
    new_run_id,
    time_of,
)
from featurestore.materialize.run import current, materialize

__all__ = [
    "LEASE_TTL",
    "Caller",
    "Clock",
    "Due",
    "KeptLease",
    "Outcome",
    "Records",
    "Report",
    "RunResult",
    "Stores",
    "boundaries_between",
    "current",
    "due",
    "group_fingerprint",
    "group_key",
    "materialize",
    "micros",
    "must_be_whole",
    "new_run_id",
    "newest_due",
    "time_of",
]
