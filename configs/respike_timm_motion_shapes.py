# Another ANN: any four-stage backbone of timm; widths follow by themselves.
_base_ = './respike_tiny_motion_shapes.py'
model = dict(
    backbone=dict(
        _delete_=True, type='timm.convnext_atto', pretrained=False))
