"""Somebody at the shop: reads pages and presses the buttons of the forms that are really on them."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse


@dataclass
class Form:
    action: str
    method: str
    id: str = ""
    values: dict[str, str] = field(default_factory=dict)
    # The names that several fields share, with what is in each.
    shared: dict[str, list[str]] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)

    def fill(self, name: str, value: str) -> None:
        self.shared.setdefault(name, []).append(value)
        self.values[name] = value


class Page(HTMLParser):
    """The forms, links and text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.links: list[str] = []
        self.texts: list[str] = []
        # The fields that name their form, which may come after them: its id, and their own name and value.
        self._elsewhere: list[tuple[str, str, str]] = []
        self._select = ""
        self._textarea = ""
        # What is set apart from its neighbours still stands right beside them.
        self.feed(text.replace("<bdi>", "").replace("</bdi>", ""))
        for form_id, name, value in self._elsewhere:
            next(one for one in self.forms if one.id == form_id).fill(name, value)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

    def form(self, action: str) -> Form:
        """The form that is sent to this address."""
        return next(one for one in self.forms if one.action == action)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        form = self.forms[-1] if self.forms else Form("", "")
        if tag == "form":
            self.forms.append(
                Form(given.get("action") or "", (given.get("method") or "get").lower(), given.get("id") or "")
            )
        elif tag == "a" and given.get("href"):
            self.links.append(str(given["href"]))
        elif (
            tag == "input"
            and given.get("name")
            and (given.get("type") not in ("checkbox", "radio") or "checked" in given)
        ):
            name, value = str(given["name"]), given.get("value") or ""
            if given.get("form"):
                self._elsewhere.append((str(given["form"]), name, value))
            else:
                form.fill(name, value)
        elif tag == "select":
            self._select = str(given.get("name"))
        elif tag == "option" and self._select and ("selected" in given or self._select not in form.values):
            form.values[self._select] = given.get("value") or ""
        elif tag == "textarea":
            self._textarea = str(given.get("name"))
            form.values[self._textarea] = ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "select":
            self._select = ""
        elif tag == "textarea":
            self._textarea = ""

    def handle_data(self, data: str) -> None:
        if self._textarea:
            self.forms[-1].values[self._textarea] += data
        self.texts.append(data)


class Visitor:
    """One browser. `page` is what it shows."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client
        self.response: TestResponse
        self.path = "/"
        self.page = Page("")

    def get(self, path: str) -> "Visitor":
        return self._show(self.client.get(path), path)

    def submit(self, action: str, **values: Any) -> "Visitor":
        """Fills the form with this action (a part of it is enough) in, and follows where it leads."""
        return self.follow(self.press(action, **values))

    def press(self, action: str, **values: Any) -> TestResponse:
        """The same, without following. None leaves a field out: a box that is not ticked."""
        forms = [one for one in self.page.forms if action in (one.action or self.path) and one.method == "post"]
        form = next((one for one in forms if action == (one.action or self.path)), forms[0])
        # A file is a pair: what is in it, and its name.
        typed = {
            name: value if isinstance(value, tuple) else str(value)
            for name, value in values.items()
            if value is not None
        }
        filled = {**form.values, **form.shared, **typed}
        data = {name: value for name, value in filled.items() if values.get(name, "") is not None}
        return self.client.post(form.action or self.path, data=data)

    def follow(self, response: TestResponse) -> "Visitor":
        for _ in range(5):
            if response.status_code not in (302, 303):
                break
            self.path = response.location
            response = self.client.get(response.location)
        return self._show(response, self.path)

    def register(
        self, name: str = "Ann", email: str = "ann@example.org", password: str = "a good password"
    ) -> "Visitor":
        self.get("/register")
        return self.submit("/register", display_name=name, email=email, password=password)

    def log_in(self, email: str = "ann@example.org", password: str = "a good password") -> "Visitor":
        self.get("/login")
        return self.submit("/login", email=email, password=password)

    def log_out(self) -> "Visitor":
        self.get("/account")
        return self.submit("/logout")

    def put_in_cart(self, product_id: int, quantity: int = 1) -> "Visitor":
        self.get(f"/products/{product_id}")
        return self.submit("/cart/items", quantity=quantity)

    @property
    def token(self) -> str:
        """The token of the forms on this page."""
        return next(one.values["csrf_token"] for one in self.page.forms if "csrf_token" in one.values)

    def sees(self, words: str) -> bool:
        return words in self.page.text

    @property
    def status(self) -> int:
        return self.response.status_code

    def _show(self, response: TestResponse, path: str) -> "Visitor":
        self.response = response
        self.path = path
        self.page = Page(response.get_data(as_text=True))
        response.close()
        return self
