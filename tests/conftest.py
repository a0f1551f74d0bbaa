import pytest
from mmengine.registry import init_default_scope

import respike_mm  # noqa: F401

pytest_plugins = ['video_fixtures']


@pytest.fixture(autouse=True)
def mmaction_scope():
    """Components build by their short names, as under a runner."""
    init_default_scope('mmaction')
