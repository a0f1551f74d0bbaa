_base_ = './video.py'

data = dict(num_classes=400, prepare='python tools/data/prepare_kinetics.py')
val_data = dict(
    ann_file='data/kinetics400/kinetics400_val_list_videos.txt',
    data_prefix=dict(video='data/kinetics400/videos_val'),
    **data)
train_dataloader = dict(
    dataset=dict(
        ann_file='data/kinetics400/kinetics400_train_list_videos.txt',
        data_prefix=dict(video='data/kinetics400/videos_train'),
        **data))
val_dataloader = dict(dataset=val_data)
test_dataloader = dict(dataset=val_data)
