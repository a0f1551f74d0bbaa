import pytest
import torch
from hypothesis import HealthCheck, settings
from mmengine.registry import init_default_scope

import respike_mm  # noqa: F401

pytest_plugins = ['video_fixtures']

# Properties: the same few examples in every run of the suite, and with
# `--hypothesis-profile=search` many new ones.
COMMON = dict(
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture,
                           HealthCheck.too_slow])
settings.register_profile('suite', max_examples=30, derandomize=True, **COMMON)
settings.register_profile('search', max_examples=1000, **COMMON)
settings.load_profile('suite')


@pytest.fixture(autouse=True)
def same_threads():
    """Tools that run in this process set their number."""
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


@pytest.fixture(autouse=True)
def mmaction_scope():
    """Components build by their short names, as under a runner."""
    init_default_scope('mmaction')
