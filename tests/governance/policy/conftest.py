"""What the policy tests share: the checked-in packs, one engine, and the facts that every pack allows."""

import shutil
from dataclasses import replace
from datetime import date

import pytest
import yaml

from vemo_audit.governance.policy.engine import Engine
from vemo_audit.governance.policy.facts import from_json
from vemo_audit.governance.policy.packs import load_bundle

DAY = date(2026, 11, 22)


@pytest.fixture(scope="session")
def policies(root):
    return root / "policies"


@pytest.fixture(scope="session")
def bundle(policies):
    return load_bundle(policies)


@pytest.fixture(scope="session")
def engine(bundle):
    return still_engine(bundle)


@pytest.fixture(scope="session")
def baseline(policies):
    """The facts of `baseline.yaml`, as JSON."""
    return yaml.safe_load((policies / "baseline.yaml").read_text())


@pytest.fixture
def facts(baseline):
    """Makes facts that differ from the baseline; `consent` and the like take a dict of what differs inside."""

    def make(**changes):
        known = from_json(baseline)
        inner = {k: replace(getattr(known, k), **v) for k, v in changes.items() if isinstance(v, dict)}
        return replace(known, **(changes | inner))

    return make


@pytest.fixture
def copy(policies, tmp_path):
    """A copy of the packs to break."""
    return shutil.copytree(policies, tmp_path / "policies")


def still_engine(bundle, kind=Engine, **options):
    """An engine whose timer stands still: a test never waits, and a busy machine never denies."""
    return kind(bundle, **({"places": {"EU"}, "as_of": DAY, "timer_ns": lambda: 0} | options))
