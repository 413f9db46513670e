"""What the command reads from the environment: where the installation is and which database it uses."""

import os
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from mesh.settings import LogLevel


class Settings(BaseSettings):
    """Environment names: MINIMART_ + the field, in capitals; DATABASE_URL without a prefix. Options go before them."""

    model_config = SettingsConfigDict(env_prefix="MINIMART_", frozen=True, populate_by_name=True)

    # Empty: SQLite in the data folder.
    database_url: str = Field(default="", validation_alias="DATABASE_URL")
    data_dir: Path = Path("var")
    tokens_file: Path | None = None
    log_level: LogLevel = "INFO"

    @property
    def tokens_path(self) -> Path:
        """Where the service tokens are."""
        return self.tokens_file or self.data_dir / "service-tokens"

    @property
    def database(self) -> str:
        """The database's URL, also where none was set."""
        return self.database_url or f"sqlite:///{self.data_dir / 'minimart.db'}"


def inherited() -> dict[str, str]:
    """The environment that the parts get, before what the supervisor adds."""
    return dict(os.environ)
