import math
import subprocess
import sys

import pytest
import torch
from action_samples import labelled, score_of
from mmaction.registry import METRICS, MODELS
from mmengine.evaluator import Evaluator

from respike_mm.evaluation import VideoAccuracy


def sample(label, scores):
    return dict(
        gt_label=torch.tensor([label]),
        pred_score=torch.tensor(scores, dtype=torch.float))


def evaluate(samples, **kwargs):
    metric = VideoAccuracy(topk=(1, 2), **kwargs)
    for one in samples:  # batches of one
        metric.process({}, [one])
    return metric.evaluate(len(samples))


VIDEOS = [
    # One of two clips right, and so is the mean.
    sample(0, [[5, 0, 0], [0, 1, 0]]),
    # Both clips wrong, second best both times.
    sample(1, [[2, 1, 0], [2, 1, 0]]),
    # Three clips, one right; 2 is last in the mean.
    sample(2, [[0, 0, 1], [9, 8, 0], [9, 8, 0]]),
    sample(0, [[3, 0, 0], [3, 0, 0]]),
]


def test_fractions_by_hand():
    """Videos 1, 0, 0, 1; clips 1 0 | 0 0 | 1 0 0 | 1 1."""
    result = evaluate(VIDEOS)
    assert result == {
        'acc/top1': 2 / 4,
        'acc/top2': 3 / 4,
        'acc/mean1': pytest.approx((1 + 0 + 0) / 3),
        'acc/clip_top1': pytest.approx(4 / 9),
        # 0 is second after 1 in the second clip of the first video.
        'acc/clip_top2': pytest.approx(7 / 9),
        'acc/clips': 9 / 4,
    }
    # The key that `save_best='auto'` takes.
    assert next(iter(result)) == 'acc/top1'


@pytest.mark.parametrize('average_clips, hit', [('prob', 0), ('score', 1)])
def test_averages_probabilities_or_logits(average_clips, hit):
    """One clip sure of the wrong class by far, two mildly of the right one.

    Probabilities of class 1: (0.1 + 0.1 + 1) / 3 = 0.4; logits: 30 - 2 ln 9.
    """
    mild = [math.log(9), 0]
    video = sample(1, [mild, mild, [0, 30]])
    result = evaluate([video], average_clips=average_clips)
    assert result['acc/top1'] == hit
    assert result['acc/clip_top1'] == pytest.approx(1 / 3)


@pytest.mark.parametrize('scores, match', [
    ([0.5, 0.5], r'\(2,\); set model.cls_head.average_clips=None'),
    ([[[0.5, 0.5]]], r'got \(1, 1, 2\)'),
    ([[0.5, float('nan')]], 'not finite'),
    ([[0.5]], 'label 1 is not one of the 1 classes'),
])
def test_bad_scores(scores, match):
    with pytest.raises(ValueError, match=match):
        VideoAccuracy().process({}, [sample(1, scores)])


def test_scores_of_several_modalities_and_several_labels():
    both = dict(gt_label=torch.tensor([0]), pred_score=dict(rgb=0, pose=0))
    with pytest.raises(ValueError, match='got dict'):
        VideoAccuracy().process({}, [both])
    many = {**VIDEOS[0], 'gt_label': torch.tensor([1, 0, 1])}
    with pytest.raises(ValueError, match=r'one label.*\[1, 0, 1\]'):
        VideoAccuracy().process({}, [many])


@pytest.mark.parametrize('kwargs, match', [
    (dict(average_clips='mean'), "'mean'"),
    (dict(topk=(1, 0)), r'\(1, 0\)'),
    (dict(topk=()), r'\(\)'),
])
def test_bad_arguments(kwargs, match):
    with pytest.raises(ValueError, match=match):
        VideoAccuracy(**kwargs)


HALVES = '''
import sys

import torch
from torch.multiprocessing import start_processes

from respike_mm.evaluation import VideoAccuracy


def evaluate_half(rank, store, videos, out):
    torch.distributed.init_process_group(
        'gloo', init_method=f'file://{store}', rank=rank, world_size=2)
    metric = VideoAccuracy(topk=(1, 2))
    # Three videos on two processes: the sampler repeats the first.
    for i in [(0, 2), (1, 0)][rank]:
        metric.process({}, [torch.load(videos)[i]])
    result = metric.evaluate(3)
    if rank == 0:
        torch.save(result, out)
    torch.distributed.destroy_process_group()


# Forked, so that the imports above are paid for once.
start_processes(
    evaluate_half, args=sys.argv[1:], nprocs=2, start_method='fork')
'''


def test_two_processes_count_every_video_once(tmp_path):
    torch.save(VIDEOS, tmp_path / 'videos.pt')
    (tmp_path / 'halves.py').write_text(HALVES)
    names = [tmp_path / name
             for name in ('halves.py', 'store', 'videos.pt', 'result.pt')]
    subprocess.run([sys.executable, *names], check=True, timeout=300)
    assert torch.load(names[-1]) == evaluate(VIDEOS[:3])


RESNET = dict(type='ResNet', depth=18, num_stages=1, strides=(1, ),
              dilations=(1, ), out_indices=(0, ))
TSN_HEAD = dict(type='TSNHead', num_classes=4, in_channels=64)
MODEL_CONFIGS = {
    'Recognizer2D': dict(backbone=RESNET, cls_head=TSN_HEAD),
    'ClipRecognizer2D': dict(clip_len=2, backbone=RESNET, cls_head=TSN_HEAD),
    'Recognizer3D': dict(
        backbone=dict(
            type='ResNet3d', depth=18, pretrained=None, base_channels=8,
            num_stages=1, spatial_strides=(1, ), temporal_strides=(1, ),
            dilations=(1, ), out_indices=(0, ), inflate=(1, ),
            conv_cfg=dict(type='Conv3d')),
        cls_head=dict(type='I3DHead', num_classes=4, in_channels=8)),
    'HybridReSpike': dict(
        backbone=dict(type='mmpretrain.ResNet', depth=18, stem_channels=8,
                      base_channels=8),
        snn_backbone=dict(type='MSResNet', base_channels=8),
        cls_head=dict(type='ReSpikeHead', num_classes=4)),
}
# Three clips of two frames.
INPUT_SHAPES = {
    'Recognizer2D': (6, 3, 32, 32),
    'ClipRecognizer2D': (6, 3, 32, 32),
    'Recognizer3D': (3, 3, 2, 32, 32),
    'HybridReSpike': (3, 1, 2, 3, 32, 32),
}


@pytest.mark.parametrize('name', MODEL_CONFIGS)
@pytest.mark.parametrize('average', ['prob', 'score'])
def test_agrees_with_the_head_and_acc_metric(name, average):
    """Every kind of recognizer, two videos in a batch."""
    torch.manual_seed(0)
    model = MODELS.build(dict(type=name, **MODEL_CONFIGS[name])).eval()
    # Scores far enough apart that clips disagree.
    torch.nn.init.normal_(model.cls_head.fc_cls.weight, std=10)
    inputs = torch.randn(2, *INPUT_SHAPES[name])
    results = []
    for average_clips, metric in [(average, dict(type='AccMetric')),
                                  (None, dict(type='VideoAccuracy',
                                              average_clips=average))]:
        model.cls_head.average_clips = average_clips
        with torch.no_grad():
            samples = model(inputs, [labelled(0), labelled(3)], 'predict')
        evaluator = Evaluator(METRICS.build(metric))
        evaluator.process(samples)
        results.append(evaluator.evaluate(2))
    stock, ours = results
    assert {k: ours[k] for k in ('acc/top1', 'acc/top5')} == {
        k: stock[k] for k in ('acc/top1', 'acc/top5')}
    scores = torch.stack([score_of(s) for s in samples])
    clips = 1 if name == 'Recognizer2D' else 3
    assert scores.shape == (2, clips, 4)
    hits = scores.argmax(-1) == torch.tensor([[0], [3]])
    assert ours['acc/clip_top1'] == pytest.approx(hits.float().mean().item())
