"""What `make up` installs: nothing that the shop does not use."""

import re
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
IMPORT = re.compile(r"^\s*(?:import|from)\s+([\w.]+)", re.MULTILINE)
# SQLAlchemy loads it by the name in a URL.
LOADED_BY_NAME = {"psycopg2-binary"}


def test_every_package_that_is_installed_to_run_the_shop_is_imported() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    needed = {re.split(r"[<>=;\[ ]", line)[0] for line in project["dependencies"]} - LOADED_BY_NAME
    # Proofs are not what the shop runs, and gen/ is.
    rooms = [*(folder for folder in ROOT.glob("[a-z]*/") if folder.name not in ("tests", "proof")), ROOT / "gen"]
    imported = {
        name.split(".")[0]
        for room in rooms
        for file in room.rglob("*.py")
        for name in IMPORT.findall(file.read_text(encoding="utf-8"))
    }
    providers = packages_distributions()
    # The names of packages are alike with either dash.
    used = {provider.lower().replace("_", "-") for name in imported for provider in providers.get(name, [])}
    assert sorted(name for name in needed if name.lower().replace("_", "-") not in used) == []
