_base_ = [
    '_base_/models/respike_r50.py', '_base_/datasets/hmdb51_split1.py',
    '_base_/frames/dense.py', '_base_/schedules/sgd_cosine_100e.py',
    '_base_/default_runtime.py'
]
model = dict(cls_head=dict(num_classes=51))

# Key-frame stride s = 4: four key frames a clip, three residual frames each.
pack = [
    dict(type='KeyResidualSampler', stride=4),
    dict(type='PackActionInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=_base_.train_frames + pack))
val_dataloader = dict(dataset=dict(pipeline=_base_.val_frames + pack))
test_pipeline = _base_.test_frames + pack
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
