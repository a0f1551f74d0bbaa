_base_ = './video.py'

data = dict(num_classes=51, prepare='python tools/data/prepare_hmdb51.py')
val_data = dict(
    ann_file='data/hmdb51/hmdb51_val_split_1_videos.txt',
    data_prefix=dict(video='data/hmdb51/videos'),
    **data)
train_dataloader = dict(
    dataset=dict(
        ann_file='data/hmdb51/hmdb51_train_split_1_videos.txt',
        data_prefix=dict(video='data/hmdb51/videos'),
        **data))
val_dataloader = dict(dataset=val_data)
test_dataloader = dict(dataset=val_data)
