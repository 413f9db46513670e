"""The UPS bridge: fulfilment RPCs on one side, the UPS team's connections on the other; owns no data."""
