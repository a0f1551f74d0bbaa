# 16 consecutive frames, as the authors sample UCF-101 and HMDB-51.
train_frames = [
    dict(type='DecordInit'),
    dict(type='SampleFrames', clip_len=16),
    dict(type='DecordDecode'),
    dict(type='Resize', scale=(-1, 256)),
    dict(type='RandomResizedCrop'),
    dict(type='Resize', scale=(224, 224), keep_ratio=False),
    dict(type='Flip', flip_ratio=0.5),
]
val_frames = [
    dict(type='DecordInit'),
    dict(type='SampleFrames', clip_len=16, test_mode=True),
    dict(type='DecordDecode'),
    dict(type='Resize', scale=(-1, 256)),
    dict(type='CenterCrop', crop_size=224),
]
test_frames = [
    dict(type='DecordInit'),
    dict(type='SampleFrames', clip_len=16, num_clips=10, test_mode=True),
    dict(type='DecordDecode'),
    dict(type='Resize', scale=(-1, 256)),
    dict(type='ThreeCrop', crop_size=256),
]
