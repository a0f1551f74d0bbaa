import importlib
import sys
from types import SimpleNamespace

import pytest

from respike_mm.compat import apply
from respike_mm.compat.patching import is_wrapped, when_imported, wrap


def add_one(function):
    return lambda value: function(value) + 1


def test_wrap_acts_once_and_keeps_the_name():

    def double(value):
        return 2 * value

    owner = SimpleNamespace(double=double)
    wrap(owner, 'double', add_one)
    wrap(owner, 'double', add_one)

    assert owner.double(3) == 7
    assert owner.double.__name__ == 'double'
    assert is_wrapped(owner.double) and not is_wrapped(double)


def test_wrap_keeps_static_methods_static():

    class Owner:

        @staticmethod
        def double(value):
            return 2 * value

    wrap(Owner, 'double', add_one)
    assert Owner().double(3) == Owner.double(3) == 7


@pytest.fixture
def module_name(tmp_path, monkeypatch):
    (tmp_path / 'patched_by_test.py').write_text('value = 1\n')
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, 'meta_path', list(sys.meta_path))
    yield 'patched_by_test'
    sys.modules.pop('patched_by_test', None)


def double_value(module):
    module.value *= 2


def test_a_module_is_patched_when_it_is_imported(module_name):
    when_imported(module_name, double_value)
    when_imported(module_name, double_value)
    assert module_name not in sys.modules
    assert importlib.import_module(module_name).value == 2


def test_two_patches_of_a_module_in_their_order(module_name):

    def add_three(module):
        module.value += 3

    when_imported(module_name, add_three)
    when_imported(module_name, double_value)
    assert importlib.import_module(module_name).value == 8


def test_a_loaded_module_is_patched_at_once(module_name):
    module = importlib.import_module(module_name)
    when_imported(module_name, double_value)
    assert module.value == 2


def test_apply_again_changes_nothing():
    apply()
    finders = list(sys.meta_path)
    apply()
    assert sys.meta_path == finders
