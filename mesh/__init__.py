"""How our services talk to each other: servers, channels, identity, errors, deadlines, logs and settings."""

from mesh import config as config
