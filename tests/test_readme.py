"""What the README shows can be typed in, and does what it says."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
ORDERS = """\
order_id,customer_id,amount,status,ordered_at,loaded_at
1,1,10.0,paid,2024-02-27 10:00:00,2024-02-27 10:05:00
2,1,30.0,paid,2024-01-10 10:00:00,2024-01-10 10:05:00
3,1,99.0,open,2024-02-28 10:00:00,2024-02-28 10:05:00
4,2,20.0,paid,2024-02-29 10:00:00,2024-03-01 15:00:00
"""


def blocks(language: str) -> list[str]:
    """The code of the README in one language, in order."""
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """The README's example, typed into a folder."""
    definitions, _ = blocks("python")
    (config,) = blocks("yaml")
    (tmp_path / "featurestore.yaml").write_text(config, encoding="utf-8")
    (tmp_path / "features.py").write_text(definitions, encoding="utf-8")
    (tmp_path / "orders.csv").write_text(ORDERS, encoding="utf-8")
    return tmp_path


def run(arguments: list[str], folder: Path) -> str:
    done = subprocess.run([sys.executable, *arguments], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_example_gives_the_values_that_were_known(shop: Path) -> None:
    _, script = blocks("python")
    printed = run(["-c", script], shop)
    first, second = [line.split() for line in printed.splitlines()[1:3]]
    assert first[-2:] == ["0.25", "5.0"]
    assert second[-2:] == ["NaN", "NaN"], "the order that was loaded at three was not known at noon"


def test_the_commands_run(shop: Path) -> None:
    (commands,) = blocks("sh")
    outputs = [run(["-m", *shlex.split(line, comments=True)], shop) for line in commands.splitlines()]
    assert "new" in outputs[0]
    assert "revision 1" in outputs[1]
    assert "0.25" in outputs[2]


def test_the_two_commands_of_the_readme_are_targets_of_the_makefile() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"^make (\w+)", README, re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_the_pages_that_the_readme_names_are_there() -> None:
    for link in re.findall(r"\]\(([^)#]+)", README):
        assert (ROOT / link).exists(), link
