import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--every-schedule",
        action="store_true",
        help="run every order with at most one pre-emption of use cases close by",
    )
