"""Settings of the orders service: the only place of it that reads the environment."""

from pathlib import Path

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from db.engine import parse_url
from mesh.settings import Address, LogLevel, MetricsPort


class Settings(BaseSettings):
    """What can be set, with its defaults. Times are in seconds."""

    model_config = SettingsConfigDict(env_prefix="MINIMART_", extra="ignore")

    database_url: str = Field("sqlite:///var/minimart.db", validation_alias="DATABASE_URL")
    data_dir: Path = Path("var")
    tokens_file: Path | None = None
    log_level: LogLevel = "INFO"
    orders_listen: Address = "127.0.0.1:7001"
    fulfilment_listen: Address = "127.0.0.1:7002"
    metrics_port: MetricsPort = None
    # One step of the world's time: 6 for the real world, small for the stand-in.
    world_tick: float = Field(6.0, gt=0, le=600)
    # Whether we make a world when none is announced.
    create_world: bool = False
    lease_seconds: float = Field(3.0, gt=0.1, le=60)
    # Threads of the public port and of the fulfilment port.
    public_workers: int = Field(40, ge=4, le=200)
    fulfilment_workers: int = Field(8, ge=2, le=100)
    # How long messages are kept after the parcel that they are about has ended, in days.
    retention_days: float = Field(30.0, ge=1 / 24, le=36_500)
    # An order for which no time could be told is late after so many hours.
    late_after_hours: float = Field(24.0, gt=0, le=8_760)
    # How long to wait for a database that is away at the start.
    database_wait: float = Field(30.0, ge=0, le=3600)

    @field_validator("database_url")
    @classmethod
    def _usable(cls, value: str) -> str:
        parse_url(value)
        return value

    @property
    def tokens_path(self) -> Path:
        """Where the service tokens are."""
        return self.tokens_file or self.data_dir / "service-tokens"
