import pytest
from mmaction.registry import DATASETS

from respike_mm.datasets.checked_video_dataset import CheckedVideoDataset

PREPARE = 'python tools/data/prepare.py ours'


def make_list(tmp_path, text, encoding='utf-8'):
    (tmp_path / 'list.txt').write_bytes(text.encode(encoding))
    (tmp_path / 'videos').mkdir(exist_ok=True)
    return dict(
        ann_file='list.txt',
        data_root=str(tmp_path),
        data_prefix=dict(video='videos'),
        pipeline=[])


def labels_and_names(dataset):
    infos = [dataset.get_data_info(i) for i in range(len(dataset))]
    return [(info['filename'].split('videos/')[1], info['label'])
            for info in infos]


def test_is_built_from_the_registry(video_set):
    dataset = DATASETS.build(
        dict(
            type='CheckedVideoDataset',
            ann_file=str(video_set.train),
            data_prefix=dict(video=str(video_set.folder)),
            num_classes=video_set.num_classes,
            pipeline=[]))
    assert type(dataset) is CheckedVideoDataset
    assert len(dataset) == 9
    assert [dataset.get_data_info(i)['label'] for i in range(9)] == \
        [0, 0, 0, 1, 1, 1, 2, 2, 2]


def test_accepts_spaces_tabs_blank_lines_and_a_byte_order_mark(tmp_path):
    config = make_list(
        tmp_path, 'a.mp4 0\r\n\nmy clips/b 2.mp4 1\n  \nc.mp4\t 2  \n',
        'utf-8-sig')
    assert labels_and_names(CheckedVideoDataset(**config, num_classes=3)) == [
        ('a.mp4', 0), ('my clips/b 2.mp4', 1), ('c.mp4', 2)
    ]


def test_uses_the_delimiter(tmp_path):
    config = make_list(tmp_path, 'a, b.mp4,0\nc.mp4, 1\n')
    assert labels_and_names(CheckedVideoDataset(**config, delimiter=',')) == [
        ('a, b.mp4', 0), ('c.mp4', 1)
    ]


def test_multi_class_gives_multi_hot_labels(tmp_path):
    config = make_list(tmp_path, 'a.mp4 0 2\nb.mp4 1\n')
    dataset = CheckedVideoDataset(**config, multi_class=True, num_classes=3)
    assert dataset.get_data_info(0)['label'].tolist() == [1, 0, 1]
    assert dataset.get_data_info(1)['label'].tolist() == [0, 1, 0]


def test_multi_class_checks_every_label(tmp_path):
    config = make_list(tmp_path, 'a.mp4 0 3\n')
    with pytest.raises(ValueError, match=r'list\.txt:1: label 3 .*0 to 2'):
        CheckedVideoDataset(**config, multi_class=True, num_classes=3)
    with pytest.raises(ValueError, match='needs num_classes'):
        CheckedVideoDataset(**config, multi_class=True)


@pytest.mark.parametrize('missing', ['list.txt', 'videos'])
def test_missing_data_names_path_and_prepare_command(tmp_path, missing):
    config = make_list(tmp_path, 'a.mp4 0\n')
    if missing == 'videos':
        (tmp_path / 'videos').rmdir()
    else:
        (tmp_path / 'list.txt').unlink()
    with pytest.raises(FileNotFoundError) as info:
        CheckedVideoDataset(**config, prepare=PREPARE)
    assert str(tmp_path / missing) in str(info.value)
    assert PREPARE in str(info.value)
    with pytest.raises(FileNotFoundError, match='data_root'):
        CheckedVideoDataset(**config)


@pytest.mark.parametrize('line', [
    'b.mp4', 'b.mp4 one', 'b.mp4 1.0', '1', 'my b.mp4', 'b.mp4,1'])
def test_wrong_line_is_named(tmp_path, line):
    config = make_list(tmp_path, f'a.mp4 0\n\n{line}\n')
    with pytest.raises(ValueError) as info:
        CheckedVideoDataset(**config)
    message = str(info.value)
    assert f'{tmp_path / "list.txt"}:3: {line!r}' in message
    assert '"path label"' in message


@pytest.mark.parametrize('label', [-1, 3, 10])
def test_label_out_of_range_is_named(tmp_path, label):
    config = make_list(tmp_path, f'a.mp4 2\nb.mp4 {label}\n')
    with pytest.raises(ValueError) as info:
        CheckedVideoDataset(**config, num_classes=3)
    message = str(info.value)
    assert f'{tmp_path / "list.txt"}:2: label {label} ' in message
    assert 'num_classes=3' in message


def test_without_num_classes_only_negative_labels_are_wrong(tmp_path):
    dataset = CheckedVideoDataset(**make_list(tmp_path, 'a.mp4 1000\n'))
    assert dataset.get_data_info(0)['label'] == 1000
    with pytest.raises(ValueError, match='label -1 must be 0 or more'):
        CheckedVideoDataset(**make_list(tmp_path, 'a.mp4 -1\n'))


@pytest.mark.parametrize('text', ['', '\n \n'])
def test_empty_list(tmp_path, text):
    with pytest.raises(ValueError, match='lists no videos') as info:
        CheckedVideoDataset(**make_list(tmp_path, text), prepare=PREPARE)
    assert PREPARE in str(info.value)


def test_misspelt_arguments_are_refused(tmp_path):
    config = make_list(tmp_path, 'a.mp4 0\n')
    with pytest.raises(TypeError, match='num_class'):
        CheckedVideoDataset(**config, num_class=3)
    config['data_prefix'] = dict(vidoe='videos')
    with pytest.raises(ValueError, match='vidoe'):
        CheckedVideoDataset(**config)


@pytest.mark.parametrize('path', [
    '../a.mp4', 'b/../../a.mp4', '/etc/passwd', './../a.mp4', '..'])
def test_a_path_out_of_the_folder_is_refused(tmp_path, path):
    config = make_list(tmp_path, f'a.mp4 0\n{path} 0\n')
    with pytest.raises(ValueError) as info:
        CheckedVideoDataset(**config)
    assert f'{tmp_path / "list.txt"}:2: {path!r} leads out of ' \
        f'{tmp_path / "videos"}' in str(info.value)
    assert len(CheckedVideoDataset(**config, allow_outside=True)) == 2


def test_paths_inside_the_folder_may_go_about(tmp_path):
    config = make_list(tmp_path, 'b/../a.mp4 0\n..a.mp4 0\n./c.mp4 0\n')
    assert len(CheckedVideoDataset(**config)) == 3


def test_without_a_folder_there_is_nothing_to_lead_out_of(tmp_path):
    config = make_list(tmp_path, '/videos/a.mp4 0\n')
    config.update(data_prefix=dict(video=''), data_root='',
                  ann_file=str(tmp_path / 'list.txt'))
    assert len(CheckedVideoDataset(**config)) == 1
