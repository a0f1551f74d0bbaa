"""MMAction2's own inferencers take our configs."""
import pytest
import torch
from mmaction.apis import init_recognizer
from mmaction.apis.inferencers import (ActionRecogInferencer,
                                       MMAction2Inferencer)
from mmengine.config import Config
from small_respike import MODEL

from respike_mm.structures import scores_of

PIPELINE = [
    dict(type='VideoInit'),
    dict(type='SampleFrames', clip_len=8, test_mode=True),
    dict(type='VideoDecode'),
    dict(type='KeyResidualSampler', stride=4),
    dict(type='PackActionInputs'),
]


@pytest.fixture
def model(tmp_path):
    cfg = Config(dict(
        default_scope='mmaction', model=MODEL, test_pipeline=PIPELINE,
        test_dataloader=dict(dataset=dict(pipeline=PIPELINE)),
        visualizer=dict(type='ActionVisualizer', vis_backends=[])))
    cfg.dump(tmp_path / 'tiny.py')
    torch.manual_seed(0)
    net = init_recognizer(cfg, device='cpu')
    torch.save(dict(state_dict=net.state_dict()), tmp_path / 'w.pth')
    return str(tmp_path / 'tiny.py'), str(tmp_path / 'w.pth')


def test_same_scores_as_the_recognizer(model, video_set):
    from mmaction.apis import inference_recognizer
    video = str(video_set.folder / 'class0_0.mp4')
    net = init_recognizer(*model, device='cpu')
    expected = scores_of(inference_recognizer(net, video)).tolist()
    single = ActionRecogInferencer(*model, device='cpu')
    result = single(video)['predictions'][0]
    assert result['pred_scores'] == pytest.approx(expected)
    unified = MMAction2Inferencer(rec=model[0], rec_weights=model[1],
                                  device='cpu')
    result = unified(video)['predictions'][0]
    assert result['rec_scores'][0] == pytest.approx(expected)
