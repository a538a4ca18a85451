"""Audit runs for every test of the report."""

import pytest

from tests.report.audit_runs import gated_run, ravdess_run, with_names
from vemo_audit.records.audit_run import AuditRun


@pytest.fixture
def ravdess() -> AuditRun:
    return ravdess_run()


@pytest.fixture
def gated() -> AuditRun:
    return gated_run()


@pytest.fixture(params=["ravdess", "gated"])
def run(request) -> AuditRun:
    return {"ravdess": ravdess_run, "gated": gated_run}[request.param]()


@pytest.fixture
def rename():
    return with_names
