"""The job runner of a laptop."""

from pathlib import Path

import pytest

from featurestore.errors import ConfigurationError
from featurestore.spi.jobs import RunRequest
from featurestore.spi.providers import find_provider, open_jobs


def test_it_is_found_by_its_entry_point_and_needs_no_driver() -> None:
    provider = find_provider("local")
    assert provider.jobs is not None
    assert (provider.offline, provider.online, provider.drivers) == (None, None, ())


def test_a_run_is_executed_in_this_process_before_submit_returns(tmp_path: Path) -> None:
    runner = open_jobs("local", {}, tmp_path, tmp_path, "test")
    executed: list[str] = []
    runner.submit(RunRequest("r_1", ("never", "run")), executed.append)
    assert executed == ["r_1"]


def test_what_a_run_raises_comes_out(tmp_path: Path) -> None:
    def fail(run_id: str) -> None:
        raise RuntimeError(run_id)

    with pytest.raises(RuntimeError, match="r_1"):
        open_jobs("local", {}, tmp_path, tmp_path, "test").submit(RunRequest("r_1", ()), fail)


def test_there_is_nothing_to_set(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="there is no such setting"):
        open_jobs("local", {"threads": 2}, tmp_path, tmp_path, "test")


def test_a_provider_of_stores_runs_no_jobs(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="'sqlite' runs no jobs"):
        open_jobs("sqlite", {}, tmp_path, tmp_path, "test")
