"""What mesh asks of gRPC's core through the environment, before gRPC is first imported."""

import os

# The core would write lines of its own beside ours, about a port in use for example.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
