"""The storefront's settings, read from the environment once, at the start.

Limits stand here with their defaults; nothing else reads the environment.
"""

from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from limits import parse_many
from pydantic import AfterValidator, Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from db.engine import parse_url
from mesh.settings import Address, LogLevel, MetricsPort
from storefront.mail.transport import Smtp


def _checked_limit(text: str) -> str:
    parse_many(text)
    return text


def _checked_url(text: str) -> str:
    if text and (urlsplit(text).scheme not in ("http", "https") or not urlsplit(text).netloc):
        raise ValueError("write it as https://shop.example")
    return text


def _checked_mail_url(text: str) -> str:
    if text:
        Smtp(text, "")
    return text


Limit = Annotated[str, AfterValidator(_checked_limit)]
"""So many in so long, in Flask-Limiter's notation."""


class Settings(BaseSettings):
    """Everything that may differ between two storefronts. Environment names: MINIMART_ + the field, in capitals."""

    model_config = SettingsConfigDict(env_prefix="MINIMART_", extra="ignore", frozen=True, populate_by_name=True)

    database_url: str = Field(default="sqlite:///var/minimart.db", validation_alias="DATABASE_URL")
    data_dir: Path = Path("var")
    tokens_file: Path | None = None
    secret_key_file: Path | None = None
    log_level: LogLevel = "INFO"
    storefront_listen: Address = "127.0.0.1:8080"
    orders_address: Address = "127.0.0.1:7001"
    metrics_port: MetricsPort = None

    # What browsers call us, for links in letters: https://shop.example. Empty: the address that we listen on.
    storefront_url: Annotated[str, AfterValidator(_checked_url)] = ""
    # Proxies before us, each behind the next, that write who connects to them at the end of X-Forwarded-For; the last
    # entry of X-Forwarded-Proto says how visitors come. With 0 nobody is believed, and visitors have the address of who
    # connects to us.
    storefront_trusted_proxies: int = Field(default=0, ge=0, le=8)

    # smtp://, starttls:// or smtps://[user:password@]host[:port]. Empty: letters are files in <DATA_DIR>/mail.
    mail_url: Annotated[str, AfterValidator(_checked_mail_url)] = ""
    mail_from: str = "Minimart <shop@minimart.example>"

    # Seconds to wait at the start for a database that is away.
    database_wait: float = Field(default=30.0, ge=0, le=3600)
    # Requests that are answered at once; and, with threads of their own beside those, the browsers that may listen for
    # news of their shopper's orders. The pages of all others ask now and then.
    storefront_threads: int = Field(default=32, ge=4, le=256)
    storefront_event_streams: int = Field(default=224, ge=0, le=1024)
    storefront_event_streams_per_shopper: int = Field(default=4, ge=0, le=128)

    # Seconds that a shopper's "place order" waits for an answer before the page says "confirming".
    storefront_order_deadline: float = Field(default=5.0, gt=0)
    storefront_read_deadline: float = Field(default=3.0, gt=0)

    # Failed log-ins per account from one address, per account from everywhere, and per address; and new accounts per
    # address (Flask-Limiter's notation). Those who are logged in stay so, and a reset by letter lets the owner in.
    storefront_login_limit_account: Limit = "10 per 15 minutes"
    storefront_login_limit_everywhere: Limit = "100 per hour"
    storefront_login_limit_address: Limit = "50 per 15 minutes"
    storefront_register_limit: Limit = "30 per hour"
    # Requests for a new password per account and per address.
    storefront_reset_limit_account: Limit = "5 per hour"
    storefront_reset_limit_address: Limit = "30 per hour"
    # Searches and suggestions per shopper, for guests per address.
    storefront_search_limit: Limit = "600 per minute"
    # Questions to UPS whether it knows an account, per shopper.
    storefront_account_check_limit: Limit = "60 per minute"

    # How long events of the audit log are kept, in days.
    storefront_audit_days: float = Field(default=90.0, ge=1, le=3650)

    @field_validator("database_url")
    @classmethod
    def _usable(cls, value: str) -> str:
        parse_url(value)
        return value

    @property
    def tokens_path(self) -> Path:
        """Where the service tokens are."""
        return self.tokens_file or self.data_dir / "service-tokens"

    @property
    def shop_url(self) -> str:
        """What links in letters begin with, without a slash at its end."""
        return self.storefront_url.rstrip("/") or f"http://{self.storefront_listen}"

    @property
    def mail_folder(self) -> Path:
        """Where letters are without a mail server."""
        return self.data_dir / "mail"

    @property
    def secret_key_path(self) -> Path:
        """Where the key that signs sessions is."""
        return self.secret_key_file or self.data_dir / "secret-key"
