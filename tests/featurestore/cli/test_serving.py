"""`featurestore serve` and `featurestore get`, on the template's project and a real server."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import Result

from featurestore.compiler.stored import row_columns
from featurestore.materialize import group_fingerprint, group_key, micros
from featurestore.project import open_project
from featurestore.project.clock import now
from featurestore.spi.codec import Marker, Row, RowCodec, encode_key, encode_row, group_prefix

Run = Callable[..., Result]
Edit = Callable[[str, str], None]

PROGRAM = [sys.executable, "-m", "featurestore"]


@pytest.fixture
def online(shop: Path, edit: Edit) -> Path:
    """The project with a version of its service, and a second service."""
    edit('    "checkout",\n', '    "checkout",\n    version="v1",\n')
    edit(
        "returned = fs.Label(",
        'habits = fs.FeatureService("habits", features=[Habits], version="v1")\n\nreturned = fs.Label(',
    )
    edit('customer, every="1d")\ndef', 'customer, version="v1", every="1d")\ndef')
    return shop


@pytest.fixture
def filled(online: Path, run: Run) -> Path:
    """The same, applied, with a row of customer 7 that was published at the newest boundary."""
    run("apply", "--yes")
    with open_project(online) as project:
        for group in project.definitions.groups:
            boundary, codec = group.schedule.boundary(micros(now())), RowCodec(row_columns(group))
            values = {
                "mean_amount": (25.0,),
                "last_category": ("toys", boundary),
                "orders_7d": (2,),
                "orders_30d": (9,),
            }
            row = tuple(value for member in group.members for value in values[member.feature.column])
            key, entity = group_key(group, project.namespace), encode_key([7], list(group.entity.keys.values()))
            assert entity is not None
            project.online.put_many(key, [(entity, encode_row(Row(boundary, 1, group_prefix(group.id), row), codec))])
            marker = Marker(boundary, 1, group_fingerprint(group), 1, "", boundary)
            assert project.online.publish(key, marker, expected=None)
    return online


@contextmanager
def serving(*options: str) -> Iterator[tuple[subprocess.Popen[str], str, str]]:
    """A server on a free port: the process, what it said first, and its address."""
    command = [*PROGRAM, "serve", "--address", "127.0.0.1:0", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            line = process.stdout.readline().strip()
            yield process, line, line.rpartition(" ")[2]
        finally:
            process.kill()


# get


def test_get_shows_each_feature_with_its_status_its_event_time_and_as_of(filled: Path, run: Run) -> None:
    result = run("get", "checkout", "customer_id=7", "amount=50")
    header, *rows = [line.split() for line in result.stdout.splitlines()]
    assert header == ["feature", "value", "status", "event", "time", "as", "of"]
    midnight = f"{now():%Y-%m-%d} 00:00:00Z".split()
    assert ["mean_amount", "25.0", "PRESENT", *midnight] in rows
    assert ["last_category", "toys", "PRESENT", *midnight, *midnight] in rows
    assert ["against_usual", "2.0", "PRESENT"] in rows
    unknown = run("get", "checkout@v1", "customer_id=404", "amount=50").stdout
    assert ["orders_7d", "0", "NOT_FOUND", *midnight] in [line.split() for line in unknown.splitlines()]


def test_get_as_json_has_everything_of_the_reply(filled: Path, run: Run) -> None:
    document = json.loads(run("get", "checkout", "customer_id=7", "amount=50", "--json").stdout)
    assert (document["service"], document["entity"], document["request_values"]) == (
        "checkout@v1",
        {"customer_id": 7},
        {"amount": 50.0},
    )
    found = {one["name"]: one for one in document["features"]}
    assert (found["mean_amount"]["value"], found["mean_amount"]["status"]) == (25.0, "PRESENT")
    groups = {one["group"]: one for one in document["groups"]}
    assert groups[found["mean_amount"]["group"]]["as_of"] == f"{now():%Y-%m-%d}T00:00:00+00:00"


def test_what_is_not_published_is_unavailable_without_a_value_and_says_why(online: Path, run: Run) -> None:
    run("apply", "--yes")
    result = run("get", "checkout", "customer_id=7", "amount=50")
    assert ["mean_amount", "UNAVAILABLE"] in [line.split() for line in result.stdout.splitlines()]
    assert "mean_amount: Nothing is published for the group mean_amount@v1." in result.stderr


def test_a_time_of_ones_own_needs_the_permission_and_sees_no_later_value(filled: Path, run: Run) -> None:
    asked = ("get", "checkout", "customer_id=7", "amount=50", "--at", "2024-05-29")
    assert "--at needs --allow-at" in run(*asked, code=2).output
    assert "AHEAD" in run(*asked, "--allow-at").stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["customer_id=7"], "amount is missing. checkout@v1 needs customer_id (Int64), amount (Float64)."),
        (["customer_id=7", "amount=5", "shop=1"], "'shop=1' is not wanted."),
        (["customer_id=7", "customer_id=8", "amount=5"], "'customer_id=8' is not wanted twice."),
        (["customer_id", "amount=5"], "'customer_id' is not wanted."),
        (["customer_id=seven", "amount=5"], "customer_id: 'seven' is no Int64."),
        (["customer_id=7", "amount=5", "--allow-at"], "--allow-at goes with --at."),
        (["--address", "127.0.0.1:1", "--target", "laptop"], "leave --target and --project-dir out"),
        (["--address", "127.0.0.1:1", "--at", "2024-05-29", "--allow-at"], "leave --allow-at out"),
    ],
)
def test_wrong_usage_of_get_is_told(words: list[str], said: str, filled: Path, run: Run) -> None:
    assert said in run("get", "checkout", *words, code=2).output


def test_get_in_a_project_without_an_online_store_says_what_to_write(shop: Path, run: Run) -> None:
    config = shop / "featurestore.yaml"
    config.write_text(config.read_text().replace("    online: {provider: sqlite}\n", ""))
    run("apply", "--yes")
    result = run("get", "checkout", "customer_id=7", code=1)
    assert "has no online store" in result.stderr
    assert "online: {provider: sqlite}" in result.stderr


# serve


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_a_server_answers_as_the_project_does_and_a_signal_ends_it_in_order(
    stop: signal.Signals, filled: Path, run: Run
) -> None:
    asked = ("get", "checkout", "customer_id=7", "amount=50")
    with serving() as (process, line, address):
        assert line.startswith("Serving checkout@v1, habits@v1 of shop:laptop on 127.0.0.1:")
        assert run(*asked, "--address", address).stdout == run(*asked).stdout
        early = run(*asked, "--address", address, "--at", "2024-05-29", code=1)
        assert "start the server with --allow-at" in early.stderr
        os.kill(process.pid, stop)
        rest, errors = process.communicate(timeout=20)
    assert (process.returncode, rest, errors) == (0, "Stopped.\n", "")


def test_a_server_that_allows_it_reads_at_a_time_of_the_requests_own(filled: Path, run: Run) -> None:
    with serving("--allow-at") as (_, _, address):
        asked = ("get", "checkout", "customer_id=7", "amount=50", "--address", address, "--at", "2024-05-29")
        assert "AHEAD" in run(*asked).stdout


def test_a_server_started_on_an_older_checkout_refuses_by_name_what_was_applied_otherwise(
    filled: Path, run: Run, edit: Edit
) -> None:
    edit('mean(over="30d")', 'mean(over="60d")')
    with serving() as (process, line, address):
        assert line.startswith("Serving habits@v1 of shop:laptop on ")
        assert "PRESENT" in run("get", "habits", "customer_id=7", "--address", address).stdout
        refused = run("get", "checkout", "--address", address, code=1)
        assert "The service checkout@v1 is refused" in refused.stderr
        assert "feature:mean_amount@v1 is registered with other logic (here " in refused.stderr
        os.kill(process.pid, signal.SIGTERM)
        _, errors = process.communicate(timeout=20)
    assert "The service checkout@v1 is refused" in errors
    assert "habits" not in errors
    assert process.returncode == 0


def test_an_address_at_which_nobody_serves_is_told_with_what_to_do(run: Run) -> None:
    result = run("get", "checkout", "--address", "127.0.0.1:1", code=1)
    assert "Error FS941: No feature server answers at 127.0.0.1:1" in result.stderr


@pytest.mark.parametrize("words", [["serve"], ["get", "checkout", "--address", "127.0.0.1:1"]])
def test_without_the_extra_the_line_that_installs_it_is_told(words: list[str], filled: Path) -> None:
    code = "import sys; sys.modules['grpc'] = None; from featurestore.cli import main; main()"
    result = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert "Error FS802" in result.stderr
    assert "pip install 'featurestore[serving]'" in result.stderr


def test_a_project_is_read_without_the_extra_where_no_server_is_asked(filled: Path) -> None:
    code = "import sys; sys.modules['grpc'] = None; from featurestore.cli import main; main()"
    words = ["get", "habits", "customer_id=7"]
    result = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=True)
    assert "toys" in result.stdout
