import json
import runpy

import pytest
import torch

from respike_mm.models.common import pointwise

CONFIG = 'configs/respike_tiny_motion_shapes.py'


@pytest.fixture
def tool(root):
    return runpy.run_path(
        str(root / 'tools/analysis_tools/benchmark_products.py'))


def test_sums_of_both_ways(run, root, tmp_path, capsys):
    out = tmp_path / 'products'
    run('benchmark_products.py', root / CONFIG, '--crop', 32, '--rounds', 1,
        '--out', out)
    rows = json.loads(out.with_suffix('.json').read_text())['rows']
    text = capsys.readouterr().out
    kinds = [row['kind'] for row in rows]
    assert len(set(kinds)) == len(kinds) == 5  # nothing has many tokens
    assert 'convolutions of spikes: gradients of weights' in kinds
    for row in rows:
        assert row['onednn_s'] > 0 and row['blas_s'] > 0
        assert (f'| {row["kind"]} | {1000 * row["onednn_s"]:.0f} | '
                f'{1000 * row["blas_s"]:.0f} | '
                f'{row["onednn_s"] / row["blas_s"]:.2f}x |') in text


def test_many_tokens_are_those_that_change_the_choice(tool):
    assert tool['MANY'] == pointwise._MIN_TOKENS_AVX2


def test_both_ways_give_the_same(tool):
    onednn, blas = tool['weight_gradient_ways']((2, 4, 6, 6), (5, 4, 3, 3), 2)
    torch.testing.assert_close(onednn(), blas())
    ways = tool['pointwise_ways']((3, 7, 16), (4, 16))
    assert [blas().shape for _, blas in ways.values()] == [
        (21, 4), (21, 16), (4, 16)]
    for onednn, blas in ways.values():
        torch.testing.assert_close(onednn(), blas(), rtol=1e-4, atol=1e-4)
