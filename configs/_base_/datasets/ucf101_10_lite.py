# Ten UCF-101 classes in 280 re-encoded clips, for experiments on a CPU. Set
# UCF101_10 to the folder that holds `videos/` and the lists.
_base_ = './video.py'

data_root = '{{$UCF101_10:data/ucf101_10}}'
data = dict(num_classes=10, data_prefix=dict(video=f'{data_root}/videos'))
train_dataloader = dict(
    batch_size=8,
    num_workers=2,
    dataset=dict(ann_file=f'{data_root}/lite_train.txt', **data))
val_dataloader = dict(
    num_workers=2,
    dataset=dict(ann_file=f'{data_root}/lite_test.txt', **data))
test_dataloader = dict(
    batch_size=8,
    num_workers=2,
    dataset=dict(ann_file=f'{data_root}/lite_test.txt', **data))
