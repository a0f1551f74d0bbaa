"""Checkpoints and configs that none of the tools takes."""
import pytest
import torch
from tiny_respike import SMALLEST, settled, write_config

TSN = """
default_scope = 'mmaction'
model = dict(
    type='Recognizer2D',
    backbone=dict(type='ResNet', depth=18, num_stages=1, strides=(1, ),
                  dilations=(1, ), out_indices=(0, )),
    cls_head=dict(type='TSNHead', num_classes=2, in_channels=64))
"""


def run(tool, name, config, checkpoint, tmp_path):
    tool(f'deployment/{name}.py', config, checkpoint, '--out',
         tmp_path / 'out')['main']()


@pytest.mark.parametrize('name', ['export', 'precision', 'benchmark'])
def test_a_checkpoint_of_other_shapes(name, tool, tmp_path):
    config = write_config(tmp_path / 'config.py')
    weights = settled(**SMALLEST).state_dict()
    weights['snn_backbone.stem.conv.weight'] = torch.zeros(4, 3, 7, 7)
    torch.save(weights, tmp_path / 'x.pth')
    with pytest.raises(SystemExit, match=r'x.pth is not a checkpoint of '
                       r'.*config.py: .*another shape 1 \(such as snn_'):
        run(tool, name, config, tmp_path / 'x.pth', tmp_path)
    assert not (tmp_path / 'out').exists()


@pytest.mark.parametrize('name', ['export', 'precision', 'benchmark'])
def test_other_recognizers(name, tool, tmp_path):
    from mmaction.apis import init_recognizer
    config = tmp_path / 'config.py'
    config.write_text(TSN)
    weights = init_recognizer(str(config), device='cpu').state_dict()
    torch.save(weights, tmp_path / 'x.pth')
    with pytest.raises(SystemExit, match='config.py .*but a Recognizer2D'):
        run(tool, name, config, tmp_path / 'x.pth', tmp_path)
