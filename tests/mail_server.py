"""Enough of an SMTP server for what is sent to it to be looked at, and to be refused as told."""

import socketserver
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager


class _Smtp(socketserver.StreamRequestHandler):
    answers: Mapping[str, str]
    received: list[bytes]

    def handle(self) -> None:
        self.say("220 hello")
        while line := self.rfile.readline():
            word = line.split()[0].decode().upper() if line.split() else ""
            if word in self.answers and not self.answers[word]:
                return
            if word == "DATA" and word not in self.answers:
                self.say("354 go on")
                body = b""
                while not body.endswith(b"\r\n.\r\n"):
                    body += self.rfile.readline()
                if self.answers.get("END") == "":
                    return
                self.received.append(body)
            self.say(self.answers.get("END" if word == "DATA" and word not in self.answers else word, "250 yes"))

    def say(self, words: str) -> None:
        self.wfile.write(words.encode() + b"\r\n")


@contextmanager
def mail_server(answers: Mapping[str, str]) -> Iterator[tuple[str, list[bytes]]]:
    """Its URL, and the messages that it took, which grow.

    `answers` says what is answered to which word (END: to the end of a message) instead of yes; "" hangs up.
    """
    received: list[bytes] = []
    handler = type("Handler", (_Smtp,), {"answers": answers, "received": received})
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        yield f"smtp://127.0.0.1:{server.server_address[1]}", received
        server.shutdown()
        thread.join(10)
