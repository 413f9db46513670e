"""Every text the world says, byte for byte as the real program says it."""

CONNECTED = "connected!"
ALREADY_EXISTS = "error: warehouse_id/truck_id already exists."
MALFORMED = "error: can't parse message. Possible reason: missing required field."


def not_available(world_id: int) -> str:
    """The refusal of an unknown world or a taken side; it says "amazon" to UPS too."""
    return (
        f"error: world with world_id {world_id} is not available for amazon to connect.\n"
        " possible reason: world_id not exist or another ups/amazon already connected."
    )


E1_UNKNOWN_ID = (
    "error: warehouse id/product_id/package id/truck id in certain world and warehouse(if product_id) does not exist"
)
E2_ID_EXISTS = "error: the id you want to create already exists"
E3_OUT_OF_STOCK = "error: not enough number of product in stock - product count can not be less than 0"
E4_NOT_FOUND = (
    "cannot find truck or package you specified\n"
    "Possible reasons: do not exist, not in proper status or not in the same warehouse!"
)
E5_NOT_ON_TRUCK = "package you have specified is not currently in the truck you provided!"
E6_PROBLEM = "serialization problem"
E6_ERROR = "serialization error"
E7_UPDATE = "ERROR:  could not serialize access due to concurrent update\n"
E7_TOO_LONG = "ERROR:  value too long for type character varying(50)\n"
E7_OUT_OF_RANGE = "ERROR:  integer out of range\n"
E7_NAN = 'ERROR:  invalid input syntax for type interval: "-nan MINS"\n'

DESCRIPTION_LIMIT = 50
"""Characters of a product's description."""
