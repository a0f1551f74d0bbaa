_base_ = './video.py'

data = dict(num_classes=101, prepare='python tools/data/prepare_ucf101.py')
val_data = dict(
    ann_file='data/ucf101/ucf101_val_split_1_videos.txt',
    data_prefix=dict(video='data/ucf101/videos'),
    **data)
train_dataloader = dict(
    dataset=dict(
        ann_file='data/ucf101/ucf101_train_split_1_videos.txt',
        data_prefix=dict(video='data/ucf101/videos'),
        **data))
val_dataloader = dict(dataset=val_data)
test_dataloader = dict(dataset=val_data)
