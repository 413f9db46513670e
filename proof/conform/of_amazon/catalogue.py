"""All cases for an Amazon, in the order in which they are played."""

from proof.conform.cases import Case
from proof.conform.of_amazon.catalogue_asked import asked
from proof.conform.of_amazon.catalogue_features import features
from proof.conform.of_amazon.catalogue_frames import frames
from proof.conform.of_amazon.catalogue_jobs import jobs
from proof.conform.of_amazon.catalogue_links import links
from proof.conform.of_amazon.catalogue_numbers import numbers

CASES: tuple[Case, ...] = (
    *frames.cases,
    *numbers.cases,
    *jobs.cases,
    *features.cases,
    *asked.cases,
    *links.cases,
)
