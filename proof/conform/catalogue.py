"""All cases for a UPS, in the order they are played in."""

from proof.conform.cases import Case
from proof.conform.catalogue_frames import frames
from proof.conform.catalogue_jobs import jobs
from proof.conform.catalogue_links import links
from proof.conform.catalogue_numbers import numbers

CASES: tuple[Case, ...] = (*links.cases, *frames.cases, *numbers.cases, *jobs.cases)
