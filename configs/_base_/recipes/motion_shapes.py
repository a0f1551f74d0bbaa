_base_ = [
    '../datasets/motion_shapes.py', '../frames/motion_shapes.py',
    '../schedules/sgd_cosine_10e.py', '../default_runtime.py'
]
# The ANN of every system on these small frames: ResNet-18 at a quarter of
# the width.
ann = dict(
    _delete_=True,
    type='mmpretrain.ResNet',
    depth=18,
    stem_channels=16,
    base_channels=16)
