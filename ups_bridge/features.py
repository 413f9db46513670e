"""The features of the extension by their names on the wire, and which command of ours is for which.

Source: docs/ups-protocol.md 11.1. A feature is on when both sides named it; without it nothing of it is said.
"""

REDIRECT = "redirect"
CANCEL = "cancel"
ACCOUNT_CHECK = "account-check"
DELIVERY_STARTED = "delivery-started"
TRUCK_POSITION = "truck-position"
CONTRACT = "contract"
SPOKEN = (REDIRECT, CANCEL, ACCOUNT_CHECK, DELIVERY_STARTED, TRUCK_POSITION, CONTRACT)

# The body's field name in shop.bridge.v1.Command.
OF_COMMAND = {"redirect": REDIRECT, "cancel_job": CANCEL, "check_account": ACCOUNT_CHECK}
