"""The world bridge: fulfilment RPCs on one side, the world simulator's socket on the other; owns no data."""
