"""E-mail: sent once what it tells of is committed, never twice, and whatever the mail server does."""

import email
import email.policy
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from unittest.mock import Mock

import pytest
from sqlalchemy import Engine, select, update
from sqlalchemy.exc import OperationalError

from db.shop.mails import Mail, MailState
from storefront.mail import outbox
from storefront.mail import sender as sender_module
from storefront.mail.outbox import Letter
from storefront.mail.sender import BATCH, Sender
from storefront.mail.transport import Folder, NotTaken, PerhapsTaken, RefusedForGood, Smtp, transport_for
from tests.mail_server import mail_server
from tests.storefront.conftest import ShiftedClock

LETTER = Letter("order-17-delivered", "ann@example.org", "It came: Straße 🏠", "Hello Ann,\n\nit came.\n")
FROM = "Minimart <shop@minimart.example>"


@dataclass
class Postbox:
    """A transport that notes what it takes, or does what it is told to."""

    taken: list[Letter] = field(default_factory=list)
    mood: Exception | None = None

    def send(self, letter: Letter, now: float) -> None:
        if self.mood is not None:
            raise self.mood
        self.taken.append(letter)


def write(engine: Engine, letter: Letter = LETTER, now: float = 0.0) -> bool:
    with engine.begin() as connection:
        return outbox.write(connection, letter, now)


def states(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        return list(connection.execute(select(Mail.state).order_by(Mail.id)).scalars())


def test_the_same_message_is_written_and_sent_once(engine: Engine, clock: ShiftedClock) -> None:
    postbox = Postbox()
    assert write(engine)
    assert not write(engine)
    sender = Sender(engine, clock, postbox)
    assert sender.send_once() == 1
    assert sender.send_once() == 0
    assert postbox.taken == [LETTER]
    assert states(engine) == [MailState.SENT]


def test_of_many_messages_each_is_written_that_was_not_before(engine: Engine) -> None:
    write(engine, replace(LETTER, key="b"))
    letters = [replace(LETTER, key=key) for key in "abca"]
    with engine.begin() as connection:
        assert outbox.write_all(connection, letters, 0.0) == 2
        assert outbox.write_all(connection, letters, 0.0) == 0
        assert outbox.write_all(connection, [], 0.0) == 0
        assert sorted(connection.execute(select(Mail.key)).scalars()) == ["a", "b", "c"]


def test_what_was_rolled_back_is_never_told(engine: Engine, clock: ShiftedClock) -> None:
    with engine.connect() as connection:
        outbox.write(connection, LETTER, 0.0)
        connection.rollback()
    assert Sender(engine, clock, Postbox()).send_once() == 0


def test_what_was_not_taken_is_tried_again_later_and_later(engine: Engine, clock: ShiftedClock) -> None:
    postbox = Postbox(mood=NotTaken("away"))
    write(engine, now=clock.now())
    sender = Sender(engine, clock, postbox)
    assert sender.send_once() == 1
    assert sender.send_once() == 0, "not at once"
    clock.ahead += 5.1
    assert sender.send_once() == 1
    clock.ahead += 5.1
    assert sender.send_once() == 0, "later than the first time"
    clock.ahead += 5.1
    postbox.mood = None
    assert sender.send_once() == 1
    assert postbox.taken == [LETTER]


def test_who_did_not_take_one_is_not_asked_to_take_the_next_at_once(engine: Engine, clock: ShiftedClock) -> None:
    for key in "ab":
        write(engine, replace(LETTER, key=key), clock.now())
    postbox = Postbox(mood=NotTaken("away"))
    sender = Sender(engine, clock, postbox)
    assert sender.send_once() == 1
    postbox.mood = RefusedForGood("no such user")
    assert sender.send_once() == 1, "the other one"
    assert states(engine) == [MailState.WAITING, MailState.FAILED]


def test_one_that_is_refused_for_good_holds_up_no_other(engine: Engine, clock: ShiftedClock) -> None:
    for key in "ab":
        write(engine, replace(LETTER, key=key))
    assert Sender(engine, clock, Postbox(mood=RefusedForGood("no such user"))).send_once() == 2


def test_many_messages_are_sent_without_a_pause(
    engine: Engine, clock: ShiftedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender_module, "INTERVAL_SECONDS", 0.01)
    with engine.begin() as connection:
        outbox.write_all(connection, [replace(LETTER, key=f"{n}") for n in range(2 * BATCH)], 0.0)
    pauses: list[float] = []
    sender = Sender(engine, clock, Postbox())

    class Stopping(threading.Event):
        """Notes how long the sender would have waited, and stops it once all is sent."""

        def wait(self, timeout: float | None = None) -> bool:
            pauses.append(timeout or 0.0)
            return set(states(engine)) == {MailState.SENT}

    sender._stopping = Stopping()
    sender._run()
    assert pauses == [0.01, 0.0, 0.0]


def test_what_nobody_took_for_two_days_is_given_up(engine: Engine, clock: ShiftedClock) -> None:
    write(engine, now=clock.now())
    clock.ahead += outbox.GIVE_UP_SECONDS + 1
    Sender(engine, clock, Postbox(mood=NotTaken("away"))).send_once()
    assert states(engine) == [MailState.FAILED]


@pytest.mark.parametrize("mood", [PerhapsTaken("cut off"), RefusedForGood("550 no such user")])
def test_what_may_have_been_taken_or_is_not_wanted_is_not_sent_again(
    engine: Engine, clock: ShiftedClock, mood: Exception
) -> None:
    postbox = Postbox(mood=mood)
    write(engine)
    sender = Sender(engine, clock, postbox)
    sender.send_once()
    postbox.mood = None
    clock.ahead += 10**6
    assert sender.send_once() == 0
    assert states(engine) == [MailState.FAILED]


def test_what_was_under_way_when_the_process_ended_is_not_sent_again(engine: Engine, clock: ShiftedClock) -> None:
    write(engine, now=clock.now())
    with engine.begin() as connection:
        mail_id = outbox.due(connection, clock.now(), 1)[0]
        assert outbox.claim(connection, mail_id, clock.now())
        assert outbox.claim(connection, mail_id, clock.now()) is None, "one worker has it"
    sender, postbox = Sender(engine, clock, Postbox()), Postbox()
    clock.ahead += outbox.LOST_SECONDS + 1
    sender.tidy_once()
    assert states(engine) == [MailState.FAILED]
    assert Sender(engine, clock, postbox).send_once() == 0
    with engine.connect() as connection:
        assert connection.execute(select(Mail.body)).scalar_one() == ""


@pytest.mark.parametrize(
    ("mood", "state"), [(None, MailState.SENT), (NotTaken("away"), MailState.WAITING), (PerhapsTaken("?"), "failed")]
)
def test_what_became_of_a_message_is_written_down_when_the_database_is_back(
    engine: Engine, clock: ShiftedClock, monkeypatch: pytest.MonkeyPatch, mood: Exception | None, state: str
) -> None:
    write(engine, now=clock.now())
    postbox = Postbox(mood=mood)
    sender = Sender(engine, clock, postbox)
    for name in ("sent", "failed", "try_again"):
        monkeypatch.setattr(outbox, name, Mock(side_effect=OperationalError("", {}, Exception("away"))))
    with pytest.raises(OperationalError):
        sender.send_once()
    assert states(engine) == [MailState.SENDING]
    monkeypatch.undo()
    assert sender.send_once() == 0
    assert states(engine) == [state]
    assert len(postbox.taken) == (mood is None)


def test_what_a_message_said_is_not_kept_once_it_is_told(engine: Engine, clock: ShiftedClock) -> None:
    write(engine, now=clock.now())
    sender = Sender(engine, clock, Postbox())
    sender.send_once()
    with engine.connect() as connection:
        assert connection.execute(select(Mail.body)).scalar_one() == ""
    clock.ahead += outbox.KEPT_SECONDS + 1
    sender.tidy_once()
    assert states(engine) == []


def test_a_folder_holds_one_whole_file_per_message(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "mail", FROM)
    for _ in range(2):
        folder.send(LETTER, 1_700_000_000.0)
    (path,) = (tmp_path / "mail").iterdir()
    assert path.name == "order-17-delivered.eml"
    assert path.stat().st_mode & 0o077 == 0
    message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    assert message["To"] == "ann@example.org"
    assert message["Subject"] == LETTER.subject
    assert message["Message-ID"].endswith("@minimart.example>")
    assert message.get_body(("plain",)).get_content() == LETTER.body  # type: ignore[attr-defined]


def test_a_key_cannot_lead_out_of_the_folder(tmp_path: Path) -> None:
    Folder(tmp_path / "mail", FROM).send(Letter("../../etc/passwd", "a@b.c", "s", "b"), 0.0)
    assert [path.name for path in (tmp_path / "mail").iterdir()] == ["______etc_passwd.eml"]


def test_a_folder_that_cannot_be_written_is_tried_again(tmp_path: Path) -> None:
    (tmp_path / "mail").write_text("a file")
    with pytest.raises(NotTaken):
        Folder(tmp_path / "mail", FROM).send(LETTER, 0.0)


def test_a_subject_of_two_lines_is_one_header(tmp_path: Path) -> None:
    Folder(tmp_path / "mail", FROM).send(Letter("k", "a@b.c", "one\r\nBcc: x@y.z", "b"), 0.0)
    message = email.message_from_bytes((tmp_path / "mail" / "k.eml").read_bytes(), policy=email.policy.default)
    assert message["Bcc"] is None


@pytest.fixture
def smtp() -> Iterator[tuple[str, dict[str, str], list[bytes]]]:
    answers: dict[str, str] = {}
    with mail_server(answers) as (url, received):
        yield url, answers, received


@pytest.mark.parametrize("goodbye", ["221 bye", "250 yes", "500 what?", ""])
def test_a_mail_server_takes_a_message(smtp: tuple[str, dict[str, str], list[bytes]], goodbye: str) -> None:
    url, answers, received = smtp
    answers["QUIT"] = goodbye
    Smtp(url, FROM).send(LETTER, 0.0)
    assert len(received) == 1
    assert b"To: ann@example.org" in received[0]


@pytest.mark.parametrize(
    ("word", "answer", "meaning"),
    [
        ("EHLO", "", NotTaken),
        ("MAIL", "", NotTaken),
        ("RCPT", "", NotTaken),
        ("MAIL", "451 later", NotTaken),
        ("MAIL", "550 not from you", RefusedForGood),
        ("RCPT", "450 busy", NotTaken),
        ("RCPT", "550 no such user", RefusedForGood),
        ("DATA", "451 later", NotTaken),
        ("END", "554 no", RefusedForGood),
        ("END", "452 full", NotTaken),
        ("END", "", PerhapsTaken),
    ],
)
def test_what_a_mail_server_says_has_one_of_three_meanings(
    smtp: tuple[str, dict[str, str], list[bytes]], word: str, answer: str, meaning: type[Exception]
) -> None:
    url, answers, _ = smtp
    answers[word] = answer
    with pytest.raises(meaning):
        Smtp(url, FROM).send(LETTER, 0.0)


def test_a_mail_server_that_is_away_is_tried_again() -> None:
    with pytest.raises(NotTaken):
        Smtp("smtp://127.0.0.1:1", FROM).send(LETTER, 0.0)


@pytest.mark.parametrize("url", ["http://x", "smtp://", "x"])
def test_a_mail_url_that_is_none_is_refused(url: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="smtp"):
        transport_for(url, tmp_path, FROM)


def test_a_message_that_nobody_gets_looks_like_any_other(engine: Engine, clock: ShiftedClock) -> None:
    with engine.begin() as connection:
        assert outbox.write(connection, LETTER, 0.0, nobody=True)
        connection.execute(update(Mail).values(next_try_at=0.0))
    assert Sender(engine, clock, Postbox()).send_once() == 0
