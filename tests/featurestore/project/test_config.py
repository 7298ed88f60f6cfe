"""`featurestore.yaml`: what is accepted, and what is said of the rest."""

from pathlib import Path

import pytest

from featurestore.errors import ConfigurationError
from featurestore.project.config import find_root, read_config, revealed

TARGETS = "targets:\n  laptop:\n    offline: {provider: duckdb}\n"
SECRET = "hunter2"  # noqa: S105 - what must never be repeated


def refusal(folder: Path, text: str) -> ConfigurationError:
    (folder / "featurestore.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        read_config(folder)
    assert not caught.value.message.endswith("..")
    return caught.value


def read(folder: Path, text: str) -> object:
    (folder / "featurestore.yaml").write_text(text, encoding="utf-8")
    return read_config(folder)


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("project: shop\ntargets: [\n", 3, "This is not YAML"),
        ("project: shop\ntargets:\n\tlaptop: 1\n", 3, "This is not YAML"),
        ("project: shop\nproject: other\n" + TARGETS, 2, "project is written twice, first in line 1."),
        (TARGETS + "project: shop\ndefaults: {every: 1d, every: 2d}\n", 5, "every is written twice, first in line 5."),
        ("project: shop\ntargtes: {}\n" + TARGETS, 2, "targtes: there is no such key."),
        (f"project: shop\ndefaults:\n  owner: me\n  evry: 1d\n{TARGETS}", 4, "defaults.evry: there is no such key."),
        ("project: shop\n" + TARGETS + "    ofline: {}\n", 5, "targets.laptop.ofline: there is no such key."),
        ("project: Shop!\n" + TARGETS, 1, "project: String should match pattern"),
        ("project: shop\n", 1, "targets: Field required."),
        ("project: shop\ntargets: {}\n", 2, "targets: Dictionary should have at least 1 item"),
        ("project: shop\ntargets:\n  laptop:\n    registry: {url: x}\n", 3, "targets.laptop.offline: Field required."),
        ("project: shop\ndefault_target: cloud\n" + TARGETS, 1, "default_target is 'cloud', and targets has no such"),
        ("project: shop\ndefaults:\n  delay: 3 parsecs\n" + TARGETS, 3, "defaults.delay: the duration is not a length"),
        ("project: shop\ndefaults: {every: 15}\n" + TARGETS, 2, "defaults.every: Input should be a valid string."),
        ("project: shop\ndefinitions: features\n" + TARGETS, 2, "definitions: Input should be a valid"),
        (
            "project: shop\n" + TARGETS + "    sources:\n      orders: {path: x, table: y}\n",
            6,
            "targets.laptop.sources.orders: say one of path, table and query.",
        ),
        ("- a\n- b\n", 1, "Input should be a valid dictionary"),
        ("", 1, "project: Field required."),
    ],
)
def test_what_is_wrong_is_said_with_file_line_and_field(tmp_path: Path, text: str, line: int, message: str) -> None:
    error = refusal(tmp_path, text)
    assert error.where == f"featurestore.yaml:{line}"
    assert error.message.startswith(message)


@pytest.mark.parametrize(
    "text", ["project: \x07\n", "project: 2024-13-45\n", "a: &a [*a]\n", "!!python/object:os.x {}\n"]
)
def test_what_yaml_itself_cannot_read_is_an_error_of_the_file(tmp_path: Path, text: str) -> None:
    assert (refusal(tmp_path, text).where or "").startswith("featurestore.yaml")


def test_a_file_that_is_not_text_is_an_error_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "featurestore.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigurationError, match=r"featurestore\.yaml cannot be read"):
        read_config(tmp_path)


def test_an_unknown_key_is_answered_with_the_keys_of_its_own_place(tmp_path: Path) -> None:
    nested = refusal(tmp_path, f"project: shop\ndefaults: {{evry: 1d}}\n{TARGETS}")
    assert nested.hint == "Keys here are: every, delay, publish_within, offset, owner."
    top = refusal(tmp_path, "projekt: shop\n" + TARGETS)
    assert (top.hint or "").startswith("Keys here are: project, dialect")
    target = refusal(tmp_path, "project: shop\ntargets:\n  laptop: {}\n")
    assert target.hint == "Keys here are: offline, online, jobs, registry, sources."


def test_a_wrong_duration_is_answered_with_how_to_write_one(tmp_path: Path) -> None:
    assert '"1h30m"' in refusal(tmp_path, f"project: shop\ndefaults: {{delay: soon}}\n{TARGETS}").message


@pytest.mark.parametrize(
    "setting",
    [
        f'url: "redis://user:{SECRET}@host"',
        f'url: "redis://:{SECRET}@host:6379/0"',
        f'url: "postgresql://host/db?password={SECRET}"',
        f'url: "redis://:x{SECRET}${{A}}@host"',
        f"password: {SECRET}",
        "password: 12345",
        f"options: {{api_key: {SECRET}}}",
        f"nodes: [{{auth_token: {SECRET}}}]",
        f'nodes: ["redis://:{SECRET}@host"]',
    ],
)
def test_a_secret_in_clear_text_is_refused_and_not_repeated(tmp_path: Path, setting: str) -> None:
    error = refusal(tmp_path, f"project: shop\ntargets:\n  laptop:\n    offline: {{provider: x, {setting}}}\n")
    assert error.where == "featurestore.yaml:4"
    assert "targets.laptop.offline" in error.message
    assert "clear text" in error.message
    assert "${AN_ENVIRONMENT_VARIABLE}" in error.message
    assert SECRET not in str(error)
    assert "12345" not in str(error)


def test_a_clear_password_in_the_registrys_url_is_refused(tmp_path: Path) -> None:
    text = f"project: shop\n{TARGETS}    registry:\n      url: postgresql://u:{SECRET}@h/d\n"
    error = refusal(tmp_path, text)
    assert error.where == "featurestore.yaml:6"
    assert SECRET not in str(error)


@pytest.mark.parametrize(
    "setting",
    [
        'url: "redis://:${PW}@host"',
        'url: "redis://${USER}:${file:/run/secrets/redis}@host"',
        'password: "${PW}"',
        "url: http://host:80/path",
        "has_password: true",
    ],
)
def test_references_to_secrets_are_accepted(tmp_path: Path, setting: str) -> None:
    read(tmp_path, f"project: shop\ntargets:\n  laptop:\n    offline: {{provider: x, {setting}}}\n")


def test_references_are_replaced_wherever_they_stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FS_HOST", "cache")
    (tmp_path / "secret").write_text(f"{SECRET}\n", encoding="utf-8")
    written = {"url": f"redis://:${{file:{tmp_path}/secret}}@${{FS_HOST}}", "deep": [{"host": "${FS_HOST}"}], "n": 3}
    assert revealed(written, "here") == {"url": f"redis://:{SECRET}@cache", "deep": [{"host": "cache"}], "n": 3}


def test_a_variable_that_is_not_set_is_named_with_its_place_and_no_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FS_NOT_SET", raising=False)
    monkeypatch.setenv("FS_SET", SECRET)
    text = 'project: shop\ntargets:\n  laptop:\n    offline: {provider: x, url: "redis://${FS_SET}:${FS_NOT_SET}@h"}\n'
    (tmp_path / "featurestore.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        read_config(tmp_path).target(None).offline_settings()
    assert caught.value.message == "The environment variable FS_NOT_SET is not set."
    assert caught.value.where == "featurestore.yaml, targets.laptop.offline.url"
    assert SECRET not in str(caught.value)


def test_a_secrets_file_that_cannot_be_read_is_named_without_its_content(tmp_path: Path) -> None:
    for name, content in (("missing", None), ("binary", b"hunter2\xff")):
        file = tmp_path / name
        if content:
            file.write_bytes(content)
        with pytest.raises(ConfigurationError) as caught:
            revealed(f"${{file:{file}}}", "targets.laptop.offline.password")
        assert str(file) in caught.value.message
        assert caught.value.where == "targets.laptop.offline.password"
        assert SECRET not in str(caught.value)
        assert caught.value.__cause__ is None


def test_which_target_is_meant_must_be_clear(tmp_path: Path) -> None:
    two = "project: shop\ntargets:\n  a: {offline: {provider: duckdb}}\n  b: {offline: {provider: duckdb}}\n"
    config = read(tmp_path, two)
    with pytest.raises(ConfigurationError) as caught:
        config.target(None)  # type: ignore[attr-defined]
    assert caught.value.message == "No target is named, and there are several."
    assert "Targets are a, b" in (caught.value.hint or "")
    with pytest.raises(ConfigurationError, match="There is no target 'c'"):
        config.target("c")  # type: ignore[attr-defined]
    assert read(tmp_path, two + "default_target: b\n").target(None).name == "b"  # type: ignore[attr-defined]


def test_a_project_is_found_from_a_folder_below_and_not_from_one_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "featurestore.yaml").write_text("", encoding="utf-8")
    (tmp_path / "a" / "b").mkdir(parents=True)
    assert find_root(tmp_path / "a" / "b") == tmp_path.resolve()
    assert find_root(tmp_path / "featurestore.yaml") == tmp_path.resolve()
    with pytest.raises(ConfigurationError, match="There is no folder"):
        find_root(tmp_path / "typo")


def test_the_nearest_of_nested_projects_is_opened(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "inner"):
        folder.mkdir(exist_ok=True)
        (folder / "featurestore.yaml").write_text("", encoding="utf-8")
    assert find_root(tmp_path / "inner") == (tmp_path / "inner").resolve()


def test_without_a_project_anywhere_above_the_way_out_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        find_root(tmp_path)
    assert "featurestore init" in (caught.value.hint or "")
