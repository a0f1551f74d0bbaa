import pytest
import torch
from mmaction.registry import MODELS
from mmengine.config import Config
from small_respike import MODEL, small_respike

from respike_mm.apis import load_recognizer

CONFIG = Config(dict(model=MODEL, default_scope='mmaction'))


@pytest.fixture
def checkpoint(tmp_path):
    """The weights of a model and what a runner keeps beside them."""
    path = tmp_path / 'weights.pth'
    torch.save(dict(state_dict=small_respike().state_dict(), meta={}), path)
    return path


def test_loads_every_tensor(checkpoint):
    model = load_recognizer(CONFIG, checkpoint)
    assert not model.training and model.cfg.model.type == 'HybridReSpike'
    expected = small_respike().state_dict()
    for name, value in model.state_dict().items():
        assert torch.equal(value, expected[name]), name


def test_weights_without_a_runner(checkpoint):
    weights = torch.load(checkpoint)['state_dict']
    torch.save(weights, checkpoint)
    load_recognizer(CONFIG, checkpoint)


def test_weights_of_a_distributed_model(checkpoint):
    weights = torch.load(checkpoint)['state_dict']
    torch.save({f'module.{name}': x for name, x in weights.items()},
               checkpoint)
    model = load_recognizer(CONFIG, checkpoint)
    for name, value in model.state_dict().items():
        assert torch.equal(value, weights[name]), name


def test_the_config_stays_as_it_is(tmp_path):
    """Of one whose training starts from other weights."""
    model = dict(
        type='Recognizer2D',
        backbone=dict(type='ResNet', depth=18, num_stages=1, strides=(1, ),
                      dilations=(1, ), out_indices=(0, )),
        cls_head=dict(type='TSNHead', num_classes=3, in_channels=64))
    torch.save(MODELS.build(model).state_dict(), tmp_path / 'weights.pth')
    model['backbone']['pretrained'] = 'other.pth'
    config = Config(dict(model=model))
    loaded = load_recognizer(config, tmp_path / 'weights.pth')
    assert config.model.backbone.pretrained == 'other.pth'
    assert loaded.cfg.model.backbone.pretrained is None


@pytest.mark.parametrize('change, match', [
    (lambda w: w.pop('cls_head.fc_cls.bias'),
     r'it lacks 1 \(such as cls_head.fc_cls.bias\)'),
    (lambda w: w.update({'extra.weight': torch.zeros(1)}),
     r'it has besides 1 \(such as extra.weight\)'),
    (lambda w: w.update({'cls_head.fc_cls.bias': torch.zeros(7)}),
     r'another shape 1 \(such as cls_head.fc_cls.bias\)'),
])
def test_checkpoints_of_another_config(change, match, checkpoint):
    content = torch.load(checkpoint)
    change(content['state_dict'])
    torch.save(content, checkpoint)
    with pytest.raises(ValueError, match=match):
        load_recognizer(CONFIG, checkpoint)


def test_a_file_without_weights(checkpoint):
    torch.save([1, 2], checkpoint)
    with pytest.raises(ValueError, match='holds no weights but a list'):
        load_recognizer(CONFIG, checkpoint)
