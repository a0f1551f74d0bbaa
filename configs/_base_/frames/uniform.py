# One frame from each of 16 equal segments, as the authors sample Kinetics;
# the rest as in dense.py.
_base_ = './dense.py'

train_frames = list(_base_.train_frames)
val_frames = list(_base_.val_frames)
test_frames = list(_base_.test_frames)
train_frames[1] = dict(type='UniformSample', clip_len=16)
val_frames[1] = dict(type='UniformSample', clip_len=16, test_mode=True)
test_frames[1] = dict(
    type='UniformSample', clip_len=16, num_clips=4, test_mode=True)
