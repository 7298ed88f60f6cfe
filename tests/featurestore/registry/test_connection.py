import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from featurestore.errors import ConfigurationError, RegistryUnavailableError
from featurestore.registry import ApplyDraft, open_reader, open_writer
from featurestore.registry.connection import parse_location


@contextmanager
def unprivileged() -> Iterator[None]:
    """Permissions of files do not bind the superuser, under whom tests may run."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def visible_path(tmp_path: Path) -> Path:
    """A path that another user can get to."""
    top = Path(tempfile.gettempdir()).resolve()
    for folder in (tmp_path, *tmp_path.parents):
        if folder.resolve().is_relative_to(top) and folder.resolve() != top:
            folder.chmod(0o755)
    return tmp_path / "registry.db"


@pytest.mark.parametrize("form", ["{}", "sqlite:///{}"])
def test_a_path_and_its_url_are_the_same_registry(tmp_path: Path, draft: ApplyDraft, form: str) -> None:
    path = tmp_path / "registry.db"
    with open_writer(form.format(path)) as writer:
        writer.record_apply(draft)
    with open_reader(path) as reader:
        assert reader.revision("shop") == 1


@pytest.mark.parametrize(
    ("location", "part"),
    [
        ("mysql://ann:secret@host/db", "cannot be kept in mysql"),
        ("sqlite://", "a file's path and nothing else"),
        ("sqlite:///:memory:", "a file's path and nothing else"),
        ("sqlite:///a.db?mode=ro", "a file's path and nothing else"),
        ("postgresql://ann:secret@host:no-port/db", "cannot be read"),
        ("://", "cannot be read"),
    ],
)
def test_a_location_that_cannot_hold_a_registry_is_a_configuration_error(location: str, part: str) -> None:
    with pytest.raises(ConfigurationError, match=part) as caught:
        open_reader(location)
    assert "secret" not in str(caught.value)


def test_passwords_do_not_appear_in_messages() -> None:
    place = parse_location("postgresql://ann:hunter2@db.example/shop?password=hunter3&sslmode=require")
    assert str(place) == "postgresql://ann:***@db.example/shop"
    assert place.hide("no hunter2, no hunter3") == "no ***, no ***"


def test_a_driver_that_is_not_installed_is_named() -> None:
    with pytest.raises(RegistryUnavailableError, match=r"driver postgresql\+nosuch is not installed") as caught:
        open_writer("postgresql+nosuch://ann:hunter2@db.example/shop")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("open_registry", [open_reader, open_writer])
def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path, open_registry: type) -> None:
    file = tmp_path / "registry.db"
    file.write_text("a shopping list " * 100)
    with pytest.raises(RegistryUnavailableError, match="the file is no SQLite database") as caught:
        open_registry(file)
    assert str(file) in str(caught.value)
    assert caught.value.hint
    assert file.read_text() == "a shopping list " * 100


@pytest.mark.parametrize("open_registry", [open_reader, open_writer])
def test_a_folder_in_place_of_the_file_is_unavailable(tmp_path: Path, open_registry: type) -> None:
    with pytest.raises(RegistryUnavailableError):
        open_registry(tmp_path)


def test_a_folder_that_cannot_be_made_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RegistryUnavailableError, match="folder cannot be made"):
        open_writer(tmp_path / "file" / "registry.db")


def test_a_registry_in_a_read_only_folder_can_be_read_and_not_written(visible_path: Path, draft: ApplyDraft) -> None:
    with open_writer(visible_path) as writer:
        writer.record_apply(draft)
    visible_path.chmod(0o444)
    visible_path.parent.chmod(0o555)
    with unprivileged():
        with open_reader(visible_path) as reader:
            assert reader.revision("shop") == 1
        with open_writer(visible_path) as writer, pytest.raises(RegistryUnavailableError, match="cannot be written"):
            writer.record_apply(draft)
    visible_path.parent.chmod(0o755)


@pytest.mark.parametrize("open_registry", [open_reader, open_writer])
def test_a_registry_that_may_not_be_read_is_unavailable(visible_path: Path, open_registry: type) -> None:
    open_writer(visible_path).close()
    visible_path.chmod(0o000)
    with unprivileged(), pytest.raises(RegistryUnavailableError, match="cannot be opened"):
        open_registry(visible_path)


def test_looking_at_a_registry_loads_no_migrations_and_records_alone_load_no_database(
    tmp_path: Path, draft: ApplyDraft
) -> None:
    path = tmp_path / "registry.db"
    with open_writer(path) as writer:
        writer.record_apply(draft)
    script = f"""
import sys
import featurestore.registry
assert "sqlalchemy" not in sys.modules
with featurestore.registry.open_reader({str(path)!r}) as reader:
    assert len(reader.definitions("shop")) == 2
featurestore.registry.open_writer({str(path)!r}).close()
assert "alembic" not in sys.modules
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-W", "error", "-c", script], check=True, env=environment)
