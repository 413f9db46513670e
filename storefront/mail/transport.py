"""Where messages are handed over: to an SMTP server, or as files into a folder.

Rules: a transport either takes a message or says which of three things happened: it was refused for good, it surely was
not taken, or nobody knows. Both are Python's own `email` and `smtplib`.
"""

import hashlib
import os
import re
import smtplib
import ssl
from contextlib import suppress
from email.message import EmailMessage
from email.utils import formatdate, parseaddr
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

from storefront.mail.html import as_html
from storefront.mail.outbox import Letter

SMTP_SECONDS = 20.0
_PORTS = {"smtp": 25, "starttls": 587, "smtps": 465}


class RefusedForGood(Exception):
    """The message, its sender or its recipient is not wanted; asking again does not help."""


class NotTaken(Exception):
    """The message surely was not taken; later it may be."""


class PerhapsTaken(Exception):
    """The connection ended before the answer: the message may have been taken."""


class Transport(Protocol):
    """Takes one message."""

    def send(self, letter: Letter, now: float) -> None:
        """Hands a message over. RefusedForGood, NotTaken, PerhapsTaken."""
        ...


class Folder:
    """Writes each message as a file that mail programs open; the same message is the same file."""

    def __init__(self, folder: Path, sender: str) -> None:
        self._folder = folder
        self._sender = sender

    def send(self, letter: Letter, now: float) -> None:
        """Writes the file, whole or not at all. NotTaken: the folder cannot be written."""
        name = re.sub(r"[^A-Za-z0-9-]", "_", letter.key)[:80]
        path = self._folder / f"{name}.eml"
        try:
            # Others may not read what it says: it may be a link that resets a password.
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            beside = path.with_suffix(f".{os.getpid()}.tmp")
            with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(compose(letter, self._sender, now).as_bytes())
            beside.replace(path)
        except OSError as error:
            raise NotTaken(str(error)) from error


class _Server(smtplib.SMTP):
    """A connection that knows whether the message itself was begun: before that, none can have been taken."""

    has_begun = False

    def data(self, msg: Any) -> tuple[int, bytes]:
        """Sends the message."""
        self.has_begun = True
        return super().data(msg)


class _TlsServer(_Server, smtplib.SMTP_SSL):
    """The same, with TLS from its first byte."""


class Smtp:
    """An SMTP server: smtp://, starttls:// or smtps://[user[:password]@]host[:port]."""

    def __init__(self, url: str, sender: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in _PORTS or not parts.hostname:
            raise ValueError("use smtp://, starttls:// or smtps://[user:password@]host[:port]")
        self._scheme = parts.scheme
        self._host = parts.hostname
        self._port = parts.port or _PORTS[parts.scheme]
        self._user = unquote(parts.username or "")
        self._password = unquote(parts.password or "")
        self._sender = sender

    def send(self, letter: Letter, now: float) -> None:
        """One connection, one message."""
        message = compose(letter, self._sender, now)
        try:
            server = self._connect()
        except smtplib.SMTPAuthenticationError as error:
            raise NotTaken(f"the server does not let us in: {error.smtp_code}") from error
        except (OSError, smtplib.SMTPException) as error:
            raise NotTaken(str(error)) from error
        try:
            server.send_message(message)
        except smtplib.SMTPRecipientsRefused as error:
            raise _meaning(*next(iter(error.recipients.values()))) from error
        except smtplib.SMTPResponseException as error:
            raise _meaning(error.smtp_code, error.smtp_error) from error
        except smtplib.SMTPNotSupportedError as error:
            raise RefusedForGood(str(error)) from error
        except (OSError, smtplib.SMTPException) as error:
            raise (PerhapsTaken if server.has_begun else NotTaken)(str(error)) from error
        finally:
            # What is said to a goodbye changes nothing.
            with suppress(OSError, smtplib.SMTPException):
                server.quit()
            server.close()

    def _connect(self) -> _Server:
        context = ssl.create_default_context()
        if self._scheme == "smtps":
            server: _Server = _TlsServer(self._host, self._port, timeout=SMTP_SECONDS, context=context)
        else:
            server = _Server(self._host, self._port, timeout=SMTP_SECONDS)
        try:
            if self._scheme == "starttls":
                server.starttls(context=context)
            if self._user:
                server.login(self._user, self._password)
        except BaseException:
            server.close()
            raise
        return server


def compose(letter: Letter, sender: str, now: float) -> EmailMessage:
    """The message as it travels. Its id is made from the key: a mail program that gets it twice shows it once."""
    message = EmailMessage()
    message["From"] = sender
    message["To"] = letter.recipient
    message["Subject"] = " ".join(letter.subject.split())
    message["Date"] = formatdate(now)
    domain = parseaddr(sender)[1].rpartition("@")[2] or "localhost"
    message["Message-ID"] = f"<{hashlib.sha256(letter.key.encode()).hexdigest()[:32]}@{domain}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(letter.body)
    message.add_alternative(as_html(letter.body), subtype="html")
    return message


def transport_for(url: str, folder: Path, sender: str) -> Transport:
    """The SMTP server at `url`; without one, the folder. ValueError: the URL is none."""
    return Smtp(url, sender) if url else Folder(folder, sender)


def _meaning(code: int, said: bytes | str) -> Exception:
    words = f"{code} {said.decode('ascii', 'replace') if isinstance(said, bytes) else said}"
    return RefusedForGood(words) if 500 <= code < 600 else NotTaken(words)
