"""The UPS bridge's settings, read from the environment once, at the start."""

from pathlib import Path

from pydantic import Field, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from mesh.settings import Address, LogLevel, MetricsPort, reachable


class Settings(BaseSettings):
    """Everything that may differ between two UPS bridges. Environment names: MINIMART_ + the field, in capitals."""

    model_config = SettingsConfigDict(env_prefix="MINIMART_", extra="ignore", frozen=True)

    data_dir: Path = Path("var")
    tokens_file: Path | None = None
    log_level: LogLevel = "INFO"
    fulfilment_address: Address = "127.0.0.1:7002"
    ups_listen: Address = "127.0.0.1:7101"
    bridge_listen: Address = "127.0.0.1:7004"
    # Where orders_svc reaches what listens there; port 0: the same port. Only needed where that is every address.
    bridge_advertise: Address | None = Field(default=None, validate_default=True)
    metrics_port: MetricsPort = None
    # Stays the same over restarts: an instance supersedes itself at once.
    instance: str = Field(default="ups-bridge", min_length=1, max_length=100)

    # The largest frame that is read, in bytes.
    max_frame: int = Field(default=4 * 1024 * 1024, ge=1024, le=1 << 30)
    # Commands that may be unacknowledged at once.
    window: int = Field(default=4096, ge=1, le=100_000)

    @field_validator("bridge_advertise")
    @classmethod
    def _can_be_called(cls, value: str | None, info: ValidationInfo) -> str | None:
        return reachable(value, info.data.get("bridge_listen", ""))

    @property
    def tokens_path(self) -> Path:
        """Where the service tokens are."""
        return self.tokens_file or self.data_dir / "service-tokens"
