"""How a service reads its settings: all at the start, and a wrong one ends it with one line and exit code 2.

Each service's config.py holds one pydantic-settings class; nothing else reads the environment.
"""

import sys
from typing import Annotated, Any, NoReturn, TypeVar

from pydantic import AfterValidator, Field, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings
from pydantic_settings.exceptions import SettingsError

SettingsT = TypeVar("SettingsT", bound=BaseSettings)


def load_settings(settings_class: type[SettingsT], **given: Any) -> SettingsT:
    """The settings from the environment, with what the command line has `given` before them.

    A wrong setting: one line on stderr that names it, then SystemExit(2).
    """
    try:
        return settings_class(**given)
    except ValidationError as error:
        wrong = [f"{_name(settings_class, str(one['loc'][0]))}: {_said(one['msg'])}" for one in error.errors()]
        refuse_start("wrong setting " + "; ".join(wrong))
    except SettingsError as error:
        refuse_start(f"wrong setting: {error}")


def refuse_start(message: str) -> NoReturn:
    """Ends the start of a process that cannot run as it was told to: one line on stderr, exit code 2."""
    print(" ".join(message.split()), file=sys.stderr)  # noqa: T201 - the line that a person reads
    raise SystemExit(2)


def parse_address(text: str) -> tuple[str, int]:
    """(host, port) of "HOST:PORT" or "[IPV6]:PORT", port 0 to 65535. ValueError: it is neither."""
    host, colon, port = text.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        host = ""
    if not (colon and host and port.isascii() and port.isdecimal() and len(port) <= 5 and int(port) <= 65535):
        raise ValueError(f"{text!r} is not HOST:PORT")
    return host, int(port)


def reachable(advertise: str | None, listen: str) -> str | None:
    """`advertise`, where who listens at `listen` can be called at. ValueError: not told, and `listen` is everywhere."""
    if advertise is None and listen and parse_address(listen)[0] in EVERYWHERE:
        raise ValueError(f"must be given: nobody can call back at {listen}")
    return advertise


def called_at(advertise: str | None, listen: str, port: int) -> str:
    """HOST:PORT at which others call who listens at `listen`; `port` is the one that it got where 0 was asked for."""
    host, wanted = parse_address(advertise or listen)
    found = wanted if advertise and wanted else port
    return f"[{host}]:{found}" if ":" in host else f"{host}:{found}"


EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 - to be told apart, not to be listened at


def _checked_address(text: str) -> str:
    parse_address(text)
    return text


def _checked_level(text: str) -> str:
    if text.upper() not in LOG_LEVELS:
        raise ValueError(f"{text!r} is none of {', '.join(LOG_LEVELS)}")
    return text.upper()


LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")

LogLevel = Annotated[str, AfterValidator(_checked_level)]
"""A settings field that names how much is logged."""

Address = Annotated[str, AfterValidator(_checked_address)]
"""A settings field that holds HOST:PORT, checked when the settings are loaded."""

MetricsPort = Annotated[int | None, Field(ge=0, le=65535)]
"""A settings field that holds the loopback port of the metrics; None: they are not served; 0: any free port."""


def _name(settings_class: type[BaseSettings], loc: str) -> str:
    fields: dict[str, FieldInfo] = settings_class.model_fields
    if loc not in fields:
        return loc
    alias = fields[loc].validation_alias
    prefix = str(settings_class.model_config.get("env_prefix") or "")
    return alias if isinstance(alias, str) else f"{prefix}{loc}".upper()


def _said(message: str) -> str:
    return message.removeprefix("Value error, ")
