"""The store is found and configured as any provider's is."""

from pathlib import Path

import pytest

from featurestore.errors import ConfigurationError, StoreUnavailableError
from featurestore.spi.online import GroupKey
from featurestore.spi.providers import open_online

WHERE = "featurestore.yaml, targets.laptop.online"


@pytest.fixture
def stranger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An installed package whose entry point leads to this provider under another name."""
    installed = tmp_path / "site" / "stranger-1.0.dist-info"
    installed.mkdir(parents=True)
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: stranger\nVersion: 1.0\n")
    points = (
        "[featurestore.providers]\nstranger = featurestore_sqlite:provider\nwarehouse = featurestore_duckdb:provider\n"
    )
    (installed / "entry_points.txt").write_text(points)
    monkeypatch.syspath_prepend(str(installed.parent))
    return "stranger"


@pytest.mark.parametrize(
    ("settings", "file"), [({}, "scratch/online.db"), ({"path": "data/shop.db"}, "root/data/shop.db")]
)
def test_the_file_is_in_the_scratch_folder_or_where_the_settings_say(
    tmp_path: Path, stranger: str, settings: dict[str, str], file: str
) -> None:
    store = open_online(stranger, settings, tmp_path / "root", tmp_path / "scratch", WHERE)
    assert store.groups() == []
    store.close()
    assert (tmp_path / file).exists()


@pytest.mark.parametrize("settings", [{"file": "x.db"}, {"path": 5}, {"path": ""}])
def test_wrong_settings_are_named(tmp_path: Path, stranger: str, settings: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(settings))) as caught:
        open_online(stranger, settings, tmp_path, tmp_path, WHERE)
    assert caught.value.where == WHERE


def test_a_store_that_cannot_be_opened_says_in_which_target(tmp_path: Path, stranger: str) -> None:
    with pytest.raises(StoreUnavailableError) as caught:
        open_online(stranger, {"path": "."}, tmp_path, tmp_path, WHERE)
    assert caught.value.where == WHERE


def test_a_provider_without_an_online_store_is_refused(tmp_path: Path, stranger: str) -> None:
    with pytest.raises(ConfigurationError, match="has no online store"):
        open_online("warehouse", {}, tmp_path, tmp_path, WHERE)


def test_two_projects_may_share_a_file(tmp_path: Path, stranger: str) -> None:
    groups = [GroupKey("shop:laptop", "aa"), GroupKey("bank:laptop", "aa")]
    store = open_online(stranger, {}, tmp_path, tmp_path, WHERE)
    for group in groups:
        store.put_many(group, [(b"k", b"\x01" + bytes(24) + group.namespace.encode())])
    store.close()
    again = open_online(stranger, {}, tmp_path, tmp_path, WHERE)
    assert again.groups() == sorted(groups, key=lambda group: group.namespace)
    found = again.get_many({group: [b"k"] for group in groups})
    assert all((found[group].rows[0] or b"").endswith(group.namespace.encode()) for group in groups)
    again.close()
