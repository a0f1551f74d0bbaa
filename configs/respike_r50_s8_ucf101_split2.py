_base_ = './respike_r50_s8_ucf101_split1.py'

train_list = 'data/ucf101/ucf101_train_split_2_videos.txt'
val_list = 'data/ucf101/ucf101_val_split_2_videos.txt'
train_dataloader = dict(dataset=dict(ann_file=train_list))
val_dataloader = dict(dataset=dict(ann_file=val_list))
test_dataloader = dict(dataset=dict(ann_file=val_list))
