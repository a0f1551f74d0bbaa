"""A benchmark in miniature: stand-ins for the tools, suites and results."""
import json
import sys
from pathlib import Path

import torch

BENCHMARK = Path(__file__).parents[1] / 'tools/benchmark'
if str(BENCHMARK) not in sys.path:
    sys.path.insert(0, str(BENCHMARK))

# What a config of the benchmark has to have; `stub` tells the stand-ins what
# to do.
CONFIG = '''
model = dict(width={width}, cls_head=dict(average_clips='score'))
train_dataloader = dict(batch_size=4, dataset=dict(
    ann_file='data/ucf101/train_split_1.txt'))
val_dataloader = dict(dataset=dict(ann_file='data/ucf101/val_split_1.txt'))
test_dataloader = dict(dataset=dict(
    ann_file='data/ucf101/val_split_1.txt',
    pipeline=[dict(type='SampleFrames', clip_len=16, num_clips=10),
              dict(type='Resize', scale=(-1, 256)),
              dict(type='ThreeCrop', crop_size=224)]))
test_evaluator = dict(type='AccMetric', metric_list=('top_k_accuracy', ))
optim_wrapper = dict(optimizer=dict(type='SGD', lr=0.1))
param_scheduler = [dict(type='LinearLR', begin=0, end=1),
                   dict(type='CosineAnnealingLR', begin=1, T_max=3)]
train_cfg = dict(max_epochs=4)
stub = {stub}
'''

# Stands in for tools/train.py. `fail` ends with an error; `hang` waits after
# the first epoch for ever, unless it was resumed.
TRAIN = '''
import json, os, shutil, sys, time
from pathlib import Path
stub = {}
exec(Path(sys.argv[1]).read_text(), globals())
work_dir = Path(sys.argv[sys.argv.index('--work-dir') + 1])
logs = work_dir / f'2026_{len(list(work_dir.glob("2026*")))}/vis_data'
logs.mkdir(parents=True)
(logs / 'arguments.json').write_text(json.dumps(
    dict(argv=sys.argv[1:], threads=os.environ.get('OMP_NUM_THREADS'))))
options = dict(x.split('=', 1) for x in sys.argv if '=' in x)
epochs = int(options.get('train_cfg.max_epochs', 4))
if stub.get('fail'):
    sys.exit('no such thing as luck')
for epoch in range(1, epochs + 1):
    with open(logs / 'scalars.json', 'a') as file:
        file.write(json.dumps(dict(loss=1., epoch=epoch)) + chr(10))
    name = f'epoch_{epoch}.pth'
    shutil.copy(Path(__file__).with_name('weights.pth'), work_dir / name)
    (work_dir / 'last_checkpoint').write_text(f'/elsewhere/{name}')
    if stub.get('hang') and '--resume' not in sys.argv:
        time.sleep(60)
'''
# Stands in for tools/test.py: the accuracies of MMEngine's logger hook.
TEST = '''
import json, sys
from pathlib import Path
exec(Path(sys.argv[1]).read_text(), globals())
work_dir = Path(sys.argv[sys.argv.index('--work-dir') + 1])
logs = work_dir / f'2026_{len(list(work_dir.glob("2026*")))}'
(logs / 'vis_data').mkdir(parents=True)
(logs / 'vis_data/arguments.json').write_text(json.dumps(sys.argv[1:]))
assert Path(sys.argv[2]).exists()
top1 = stub.get('top1', 0.5)
(logs / f'{logs.name}.json').write_text(json.dumps({
    'acc/top1': top1, 'acc/top5': 0.9, 'acc/mean1': 0.4,
    'acc/clip_top1': 0.3, 'acc/clip_top5': 0.8,
    'acc/clips': stub.get('clips', 30.), 'time': 1.}))
'''
# Stands in for tools/analysis_tools/energy.py.
ENERGY = '''
import json, sys
from pathlib import Path
stem = Path(sys.argv[sys.argv.index('--out') + 1])
samples = int(sys.argv[sys.argv.index('--samples') + 1])
rules = {name: dict(energy_mj=mj, macs=2e9, syops=1e9)
         for name, mj in (('paper', 10.), ('strict', 12.))}
stem.with_suffix('.json').write_text(
    json.dumps(dict(totals=rules, samples=samples, layers=[
        dict(name='backbone.lif', op='neuron', rate=0.25),
        dict(name='backbone.conv', op='conv', rate=0.25),
        dict(name='head', op='linear', rate=None)])))
'''


def make_tools(folder: Path) -> Path:
    """Stand-ins for ``tools/``."""
    (folder / 'analysis_tools').mkdir(parents=True)
    for name, text in (('train.py', TRAIN), ('test.py', TEST),
                       ('analysis_tools/energy.py', ENERGY)):
        (folder / name).write_text(text)
    weights = {'conv.weight': torch.zeros(2, 3), 'bn.weight': torch.ones(4),
               'bn.running_mean': torch.ones(4),
               'bn.num_batches_tracked': torch.tensor(1)}
    torch.save(dict(state_dict=weights, meta={}), folder / 'weights.pth')
    return folder


def make_suite(folder: Path, rows: dict, **suite) -> Path:
    """A suite of configs.

    Args:
        folder: For the suite, its rows and its configs.
        rows: What the stand-ins do, by row, by section.
        suite: Further keys of the suite.
    """
    folder.mkdir(parents=True, exist_ok=True)
    entries, width = {}, 0
    for section, stubs in rows.items():
        entries[section] = {}
        for name, stub in stubs.items():
            width += 1  # no two rows say the same
            path = folder / f'config{width}.py'
            path.write_text(CONFIG.format(width=width, stub=stub))
            entries[section][name] = str(path)
    # JSON is YAML.
    (folder / 'mini_rows.yaml').write_text(json.dumps(entries))
    path = folder / 'mini.yaml'
    path.write_text(json.dumps(
        {**dict(title='UCF-101', rows=['mini_rows'], paper='UCF-101'),
         **suite}))
    return path


def record(name: str, top1: float, seed: int = 0, split: int = 1,
           section: str = 'Ablation', **others) -> dict:
    """A finished run as ``results.json`` has it."""
    return {
        **dict(
            section=section, name=name, paper=name, stale=False,
            config=f'{name}.py', seed=seed, split=split, options=[],
            digest='0', revision='abc', epochs=4, batch_size=4,
            precision='float32', crop=224, clips=10, crops=3,
            parameters=1_500_000, top1=top1, top5=0.9, mean_class=0.4,
            clip_top1=0.3, clip_top5=0.8, train_seconds=120, test_seconds=10,
            energy=None, firing_rates={}, folder='x'),
        **others
    }


def results(*runs: dict, **others) -> dict:
    """``results.json`` of these runs."""
    return {**dict(suite='mini', title='UCF-101', paper='UCF-101'),
            **others, 'runs': list(runs)}
