from mmaction.datasets.transforms import SampleFrames

from respike_mm.type_names import type_name


def test_names_paths_and_classes_agree():
    path = 'mmaction.datasets.transforms.SampleFrames'
    for kind in ('SampleFrames', 'mmaction.SampleFrames', path, SampleFrames):
        assert type_name(kind) == 'SampleFrames'
