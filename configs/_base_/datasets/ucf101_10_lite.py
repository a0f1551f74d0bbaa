# Ten UCF-101 classes in 280 re-encoded clips, for experiments on a CPU. Set
# UCF101_10 to the folder that holds `videos/` and the lists.
_base_ = './ucf101_split1.py'

data_root = '{{$UCF101_10:data/ucf101_10}}'
train_dataloader = dict(
    batch_size=8,
    num_workers=2,
    dataset=dict(
        ann_file=f'{data_root}/lite_train.txt',
        data_prefix=dict(video=f'{data_root}/videos'),
        num_classes=10,
        prepare='UCF101_10=<folder> in front of the command'))
val_dataloader = dict(
    num_workers=2,
    dataset=dict(
        ann_file=f'{data_root}/lite_test.txt',
        data_prefix=dict(video=f'{data_root}/videos'),
        num_classes=10,
        prepare='UCF101_10=<folder> in front of the command'))
test_dataloader = {**val_dataloader, 'batch_size': 8}
