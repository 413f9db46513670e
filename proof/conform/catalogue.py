"""All cases for a UPS, in the order they are played in: those that take long first, as others go on beside them."""

from proof.conform.cases import Case
from proof.conform.catalogue_contract import contract
from proof.conform.catalogue_errors import errors
from proof.conform.catalogue_extension import extension
from proof.conform.catalogue_faults import faults
from proof.conform.catalogue_features import features
from proof.conform.catalogue_frames import frames
from proof.conform.catalogue_jobs import jobs
from proof.conform.catalogue_links import links
from proof.conform.catalogue_messages import messages
from proof.conform.catalogue_numbers import numbers
from proof.conform.catalogue_restarts import restarts
from proof.conform.catalogue_whole import whole

CASES: tuple[Case, ...] = (
    *links.cases,
    *frames.cases,
    *messages.cases,
    *numbers.cases,
    *jobs.cases,
    *faults.cases,
    *restarts.cases,
    *errors.cases,
    *features.cases,
    *extension.cases,
    *contract.cases,
    *whole.cases,
)
