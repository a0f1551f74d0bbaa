# 16 consecutive frames of 80x80 clips. No flip: left and right are classes.
# VIDEO_BACKEND=pyav in the environment swaps the decoder.
reader = dict(type='VideoInit', backend='{{$VIDEO_BACKEND:decord}}')
train_frames = [
    reader,
    dict(type='SampleFrames', clip_len=16),
    dict(type='VideoDecode'),
    dict(type='RandomCrop', size=64),
]
val_frames = [
    reader,
    dict(type='SampleFrames', clip_len=16, test_mode=True),
    dict(type='VideoDecode'),
    dict(type='CenterCrop', crop_size=64),
]

test_frames = val_frames
