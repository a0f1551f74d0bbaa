# 16 frames, every other one, of clips stored at 172x128.
# VIDEO_BACKEND=pyav in the environment swaps the decoder.
reader = dict(type='VideoInit', backend='{{$VIDEO_BACKEND:decord}}')
train_frames = [
    reader,
    dict(type='SampleFrames', clip_len=16, frame_interval=2),
    dict(type='VideoDecode'),
    dict(type='RandomResizedCrop', area_range=(0.5, 1.0)),
    dict(type='Resize', scale=(96, 96), keep_ratio=False),
    dict(type='Flip', flip_ratio=0.5),
]
val_frames = [
    reader,
    dict(
        type='SampleFrames',
        clip_len=16,
        frame_interval=2,
        num_clips=2,
        test_mode=True),
    dict(type='VideoDecode'),
    dict(type='Resize', scale=(-1, 108)),
    dict(type='CenterCrop', crop_size=96),
]
test_frames = val_frames
