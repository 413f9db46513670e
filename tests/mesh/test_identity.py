"""The tokens file: made once, whole, for its owner alone; read strictly."""

import stat
import threading
from pathlib import Path

import pytest

from mesh.errors import Unauthenticated
from mesh.identity import CALLERS, Tokens, TokensError, current_caller, ensure_tokens_file, serve_for


def test_a_missing_file_is_made_with_a_token_for_each_caller(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "tokens"
    ensure_tokens_file(path)
    tokens = Tokens.load(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert {tokens.caller_of(tokens.token_of(caller)) for caller in CALLERS} == set(CALLERS)
    assert [one.name for one in path.parent.iterdir()] == ["tokens"]


def test_a_file_that_is_there_is_never_changed(tmp_path: Path) -> None:
    path = tmp_path / "tokens"
    ensure_tokens_file(path)
    before = path.read_text()
    ensure_tokens_file(path)
    assert path.read_text() == before


def test_many_who_make_the_file_at_once_read_the_same_tokens(tmp_path: Path) -> None:
    path, together, seen = tmp_path / "tokens", threading.Barrier(8), set()

    def start() -> None:
        together.wait()
        ensure_tokens_file(path)
        seen.add(Tokens.load(path).token_of("cli"))

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [("cli", "line 1"), ("cli a\ncli b", "line 2"), ("cli a\nother a", "line 2"), ("cli a b", "line 1")],
)
def test_a_file_that_is_not_ours_is_refused_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "tokens"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(TokensError, match=said):
        Tokens.load(path)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_a_file_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "tokens"
    path.write_text("cli a")
    path.chmod(mode)
    with pytest.raises(TokensError, match="chmod 600"):
        Tokens.load(path)


def test_a_missing_file_or_caller_is_one_typed_error(tmp_path: Path) -> None:
    with pytest.raises(TokensError, match="cannot read"):
        Tokens.load(tmp_path / "none")
    with pytest.raises(TokensError, match="no token for stranger"):
        Tokens({}).token_of("stranger")


def test_there_is_no_caller_outside_of_a_call() -> None:
    serve_for(None)
    with pytest.raises(Unauthenticated):
        current_caller(None)  # type: ignore[arg-type]
