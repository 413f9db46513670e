"""Settings: from the environment, and a wrong one is one line and exit code 2."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from mesh.settings import Address, LogLevel, called_at, load_settings, parse_address, reachable


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="MINIMART_", populate_by_name=True)

    listen: Address = "127.0.0.1:1"
    tick: float = Field(default=6.0, gt=0)
    level: LogLevel = "INFO"
    database_url: str = Field(default="sqlite://", validation_alias="DATABASE_URL", max_length=20)


def test_the_environment_counts_and_what_is_given_counts_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINIMART_TICK", "0.5")
    monkeypatch.setenv("MINIMART_LEVEL", "debug")
    assert load_settings(Settings).tick == 0.5
    assert load_settings(Settings).level == "DEBUG"
    assert load_settings(Settings, tick=2.0).tick == 2.0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MINIMART_LISTEN", "nowhere"),
        ("MINIMART_TICK", "soon"),
        ("MINIMART_TICK", "0"),
        ("MINIMART_LEVEL", "LOUD"),
        ("DATABASE_URL", "x" * 21),
    ],
)
def test_a_wrong_setting_is_one_line_that_names_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as ended:
        load_settings(Settings)
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"wrong setting {name}: ")


@given(st.from_regex(r"[a-z0-9.-]{1,30}", fullmatch=True), st.integers(0, 65535))
def test_an_address_is_its_host_and_port(host: str, port: int) -> None:
    assert parse_address(f"{host}:{port}") == (host, port)
    assert parse_address(f"[::1]:{port}") == ("::1", port)


@pytest.mark.parametrize(
    ("advertise", "listen", "at"),
    [
        (None, "127.0.0.1:0", "127.0.0.1:5000"),
        (None, "[::1]:0", "[::1]:5000"),
        ("bridge.example:0", "0.0.0.0:0", "bridge.example:5000"),
        ("bridge.example:7003", "0.0.0.0:5000", "bridge.example:7003"),
    ],
)
def test_one_is_called_where_one_says_or_listens(advertise: str | None, listen: str, at: str) -> None:
    assert called_at(reachable(advertise, listen), listen, 5000) == at


@pytest.mark.parametrize("listen", ["0.0.0.0:7003", "[::]:7003"])
def test_who_listens_everywhere_must_say_where_to_call(listen: str) -> None:
    with pytest.raises(ValueError, match="must be given"):
        reachable(None, listen)


@pytest.mark.parametrize("text", ["", ":", "host", "host:", ":1", "host:-1", "host:65536", "h:1x", "::1:1", "h:²"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not HOST:PORT"):
        parse_address(text)
