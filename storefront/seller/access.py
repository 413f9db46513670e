"""Who may be here: the pages of sellers are for shoppers who have become one."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import abort
from flask_login import login_required

from storefront.security import the_shopper


def sellers_only(view: Callable[..., Any]) -> Callable[..., Any]:
    """The page is for shoppers who have become sellers; others are told how."""

    @wraps(view)
    @login_required
    def guarded(*args: Any, **named: Any) -> Any:
        if not the_shopper().is_seller:
            abort(403)
        return view(*args, **named)

    return guarded
