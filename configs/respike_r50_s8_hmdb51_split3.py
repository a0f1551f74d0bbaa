_base_ = './respike_r50_s8_hmdb51_split1.py'

train_list = 'data/hmdb51/hmdb51_train_split_3_videos.txt'
val_list = 'data/hmdb51/hmdb51_val_split_3_videos.txt'
train_dataloader = dict(dataset=dict(ann_file=train_list))
val_dataloader = dict(dataset=dict(ann_file=val_list))
test_dataloader = dict(dataset=dict(ann_file=val_list))
