"""`minimart staff`: who may open the staff pages. There is no other way to become staff than this.

Whoever may read the installation's database decides: the role is a row in it.
"""

from datetime import UTC, datetime
from pathlib import Path

import click

from db.clock import SystemClock
from minimart.arguments import data_option
from minimart.failure import Wrong
from minimart.system import find_system
from storefront.operator import queries


@click.group()
def staff() -> None:
    """Say who may look behind the counter."""


@staff.command()
@click.argument("email")
@data_option
def grant(email: str, data: Path | None) -> None:
    """Make the account EMAIL staff."""
    try:
        with find_system(data, None).writing() as connection:
            is_new = queries.grant(connection, email, SystemClock().now())
    except queries.NobodyCalled as error:
        raise Wrong(f"{error}: register in the shop first") from error
    click.echo(f"{email} is staff now" if is_new else f"{email} is staff already")


@staff.command()
@click.argument("email")
@data_option
def revoke(email: str, data: Path | None) -> None:
    """Take that from the account EMAIL again, at once."""
    try:
        with find_system(data, None).writing() as connection:
            was_staff = queries.revoke(connection, email, SystemClock().now())
    except queries.NobodyCalled as error:
        raise Wrong(str(error)) from error
    click.echo(f"{email} is staff no more" if was_staff else f"{email} was no staff")


@staff.command(name="list")
@data_option
def list_(data: Path | None) -> None:
    """Name everybody who is staff."""
    with find_system(data, None).reading() as connection:
        members = queries.members(connection)
    for member in members:
        since = datetime.fromtimestamp(member.granted_at, UTC)
        click.echo(f"{member.email}  since {since:%Y-%m-%d %H:%M} UTC")
    if not members:
        click.echo("nobody is staff: minimart staff grant EMAIL")
