"""Finding providers and opening their stores."""

import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from featurestore.errors import ConfigurationError, MissingExtraError, ProviderError, ProviderNotFoundError
from featurestore.spi.providers import find_provider, installed_providers, open_offline

WHERE = "featurestore.yaml, targets.laptop.offline"


@pytest.fixture
def brought(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Installs a distribution with one provider, made of the given module's text."""

    def install(text: str) -> None:
        (tmp_path / "strange_provider.py").write_text(text, encoding="utf-8")
        metadata = tmp_path / "strange-1.0.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: strange\nVersion: 1.0\n", encoding="utf-8")
        (metadata / "entry_points.txt").write_text(
            "[featurestore.providers]\nstrange = strange_provider:provider\n", encoding="utf-8"
        )
        monkeypatch.syspath_prepend(str(tmp_path))
        monkeypatch.delitem(sys.modules, "strange_provider", raising=False)

    return install


def test_built_in_providers_are_found_by_their_entry_points() -> None:
    found = installed_providers()["duckdb"]
    assert isinstance(found, EntryPoint)
    assert find_provider("duckdb").extra == "duckdb"


def test_a_misspelled_provider_is_answered_with_the_one_that_was_meant() -> None:
    with pytest.raises(ProviderNotFoundError) as caught:
        find_provider("dukdb")
    assert caught.value.hint == "Did you mean duckdb?"
    with pytest.raises(ProviderNotFoundError) as caught:
        find_provider("zzz")
    assert "Installed are:" in (caught.value.hint or "")
    assert "duckdb" in (caught.value.hint or "")


def test_a_strangers_provider_is_found_and_opened_like_ours(brought: Any, tmp_path: Path) -> None:
    brought(
        "from featurestore.spi.providers import OfflineProvider, Provider\n"
        "from pydantic import BaseModel\n"
        "class Settings(BaseModel):\n    size: int\n"
        "def open_store(settings, root, scratch):\n    return (settings.size, root, scratch)\n"
        "provider = Provider('strange', 'strange', offline=OfflineProvider(Settings, 'strange_provider:open_store'))\n"
    )
    opened: object = open_offline("strange", {"size": "3"}, tmp_path, tmp_path / "scratch", WHERE)
    assert opened == (3, tmp_path, tmp_path / "scratch")


def test_a_missing_driver_is_answered_with_the_exact_install_command(brought: Any) -> None:
    brought(
        "from featurestore.spi.providers import Provider\n"
        "provider = Provider('strange', 'strange', drivers=('nowhere_at_all',))\n"
    )
    with pytest.raises(MissingExtraError) as caught:
        find_provider("strange")
    assert "'nowhere_at_all'" in caught.value.message
    assert caught.value.hint == "pip install 'featurestore[strange]'"


def test_a_provider_that_does_not_import_is_an_error_of_the_provider(brought: Any) -> None:
    brought("import nowhere_at_all\n")
    with pytest.raises(ProviderError, match="'strange' cannot be imported") as caught:
        find_provider("strange")
    assert "strange_provider" in (caught.value.hint or "")


def test_a_provider_without_an_offline_store_is_an_error_of_the_target(brought: Any, tmp_path: Path) -> None:
    brought("from featurestore.spi.providers import Provider\nprovider = Provider('strange', 'strange')\n")
    with pytest.raises(ConfigurationError, match="has no offline store") as caught:
        open_offline("strange", {}, tmp_path, tmp_path, WHERE)
    assert caught.value.where == WHERE


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"databse": "x"}, "databse: there is no such setting."), ({"threads": 0}, "threads: Input should be greater")],
)
def test_wrong_settings_are_named_with_their_place_and_what_there_is(
    tmp_path: Path, settings: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        open_offline("duckdb", settings, tmp_path, tmp_path, WHERE)
    assert caught.value.message.startswith(message)
    assert caught.value.where == WHERE
    assert "database" in (caught.value.hint or "")


def test_an_error_of_the_factory_gets_the_place_of_its_settings(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        open_offline("duckdb", {"database": "nowhere.duckdb"}, tmp_path, tmp_path, WHERE)
    assert caught.value.where == WHERE
