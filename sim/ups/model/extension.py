"""The names of the extension's features (docs/ups-protocol.md 11.1), as the stand-ins speak them."""

REDIRECT = "redirect"
CANCEL = "cancel"
ACCOUNT_CHECK = "account-check"
DELIVERY_STARTED = "delivery-started"
TRUCK_POSITION = "truck-position"
CONTRACT = "contract"
FEATURES = (REDIRECT, CANCEL, ACCOUNT_CHECK, DELIVERY_STARTED, TRUCK_POSITION, CONTRACT)
