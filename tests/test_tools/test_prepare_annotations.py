"""Split files in, lists out: numbering of labels, codes, contradictions."""
import importlib.util
from pathlib import Path

import mini_archives as mini
import pytest
from _prepare.annotations import (read_hmdb51, read_kinetics400, read_ucf101)
from _prepare.errors import PrepareError
from _prepare.splits import read_texts


def texts(files):
    return {Path(name).name: content.decode()
            for name, content in files.items()}


def test_only_texts_are_read(tmp_path):
    """macOS puts a file of its own beside every one."""
    (tmp_path / 'list.txt').write_text('one\n')
    (tmp_path / '._list.txt').write_bytes(b'\0\5\xb0')
    assert read_texts(tmp_path, tmp_path, '*.txt') == {'list.txt': 'one\n'}
    (tmp_path / 'foreign.txt').write_bytes(b'caf\xe9')
    with pytest.raises(PrepareError, match='foreign.txt is no text in UTF-8'):
        read_texts(tmp_path, tmp_path, '*.txt')


def rows(annotations, name):
    return [(clip.path, clip.label) for clip in annotations.lists[name]]


@pytest.fixture(scope='module')
def official_parser():
    """MMAction2's own reader of the three kinds of split files."""
    package = importlib.util.find_spec('mmaction').submodule_search_locations
    path = Path(package[0], '.mim/tools/data/parse_file_list.py')
    if not path.exists():
        pytest.skip('this MMAction2 was installed without its tools')
    spec = importlib.util.spec_from_file_location('parse_file_list', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def assert_equal(annotations, lists, theirs):
    """Compares lists with MMAction2's, whose paths have no extension."""
    assert len(lists) == len(theirs)
    for name, rows_of_theirs in zip(lists, theirs):
        ours = [(path.rsplit('.', 1)[0], label)
                for path, label in rows(annotations, name)]
        assert ours and sorted(ours) == sorted(rows_of_theirs)


def test_ucf101_counts_labels_from_zero_in_the_order_of_class_ind():
    annotations = read_ucf101(texts(mini.ucf101_splits()))
    assert annotations.classes == ['YoYo', 'Archery']
    assert rows(annotations, 'ucf101_val_split_2_videos.txt') == [
        ('YoYo/v_YoYo_g02_c01.avi', 0),
        ('Archery/v_Archery_g02_c01.avi', 1),
    ]
    assert len(annotations.lists) == 6 and len(annotations.clips) == 8


def test_ucf101_agrees_with_mmaction(official_parser, tmp_path, monkeypatch):
    files = texts(mini.ucf101_splits())
    mini.write_files(tmp_path / 'data/ucf101/annotations',
                     {name: text.encode() for name, text in files.items()})
    monkeypatch.chdir(tmp_path)
    splits = official_parser.parse_ucf101_splits(level=2)
    names = [f'ucf101_{subset}_split_{split}_videos.txt'
             for split in (1, 2, 3) for subset in ('train', 'val')]
    assert_equal(read_ucf101(files), names,
                 [part for split in splits for part in split])


@pytest.mark.parametrize('file, old, new, message', [
    ('trainlist01.txt', 'g02_c01.avi 1', 'g02_c01.avi 2', 'contradicts'),
    ('testlist01.txt', 'YoYo/', 'Juggling/', 'contradicts'),
    ('testlist01.txt', 'YoYo/', 'YoYo/../../', 'unsafe path'),
    ('classInd.txt', '2 Archery', '3 Archery', 'does not number'),
])
def test_ucf101_refuses_contradictions(file, old, new, message):
    files = texts(mini.ucf101_splits())
    assert old in files[file]
    files[file] = files[file].replace(old, new)
    with pytest.raises(PrepareError, match=message):
        read_ucf101(files)


def test_ucf101_names_a_missing_split_file():
    files = texts(mini.ucf101_splits())
    del files['testlist03.txt']
    with pytest.raises(PrepareError, match='lack testlist03.txt'):
        read_ucf101(files)


def test_hmdb51_codes_choose_the_list_and_zero_none():
    annotations = read_hmdb51(texts(mini.hmdb51_splits()))
    listed = {
        split: [rows(annotations, f'hmdb51_{subset}_split_{split}_videos.txt')
                for subset in ('train', 'val')] for split in (1, 2, 3)
    }

    def videos(*numbers):
        return [(f'{name}/{name}_#{i}_u_np1.avi', label)
                for label, name in enumerate(('brush_hair', 'wave'))
                for i in numbers]

    # Codes 1 1 2 0, then 0 1 1 2, then 2 0 1 1.
    assert listed == {
        1: [videos(0, 1), videos(2)],
        2: [videos(1, 2), videos(3)],
        3: [videos(2, 3), videos(0)],
    }


def test_hmdb51_keeps_videos_that_no_split_uses():
    files = {name: text.replace(' 1 ', ' 0 ')
             for name, text in texts(mini.hmdb51_splits()).items()}
    annotations = read_hmdb51(files)
    assert len(annotations.clips) == 8
    assert not annotations.lists['hmdb51_train_split_1_videos.txt']


def test_hmdb51_agrees_with_mmaction(official_parser, tmp_path, monkeypatch):
    files = texts(mini.hmdb51_splits())
    root = tmp_path / 'data/hmdb51'
    mini.write_files(root / 'annotations',
                     {name: text.encode() for name, text in files.items()})
    for name in mini.HMDB_CLASSES:
        (root / 'videos' / name).mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    splits = official_parser.parse_hmdb51_split(level=2)
    names = [f'hmdb51_{subset}_split_{split}_videos.txt'
             for split in (1, 2, 3) for subset in ('train', 'val')]
    assert_equal(read_hmdb51(files), names,
                 [part for split in splits for part in split])


@pytest.mark.parametrize('line', ['a.avi', 'a.avi 3', 'a b.avi 1'])
def test_hmdb51_refuses_other_lines(line):
    files = texts(mini.hmdb51_splits())
    files['wave_test_split2.txt'] += f'{line}\n'
    with pytest.raises(PrepareError, match='wave_test_split2.txt'):
        read_hmdb51(files)


def kinetics_texts():
    return {subset: mini.kinetics_csv(subset, numbers).decode()
            for subset, numbers in (('train', [1, 20]), ('val', [3]))}


def test_kinetics_sorts_classes_and_writes_underscores():
    annotations = read_kinetics400(kinetics_texts())
    assert annotations.classes == ['applying_cream', 'archery', 'zumba']
    assert rows(annotations, 'kinetics400_val_list_videos.txt') == [
        ('zumba/-id_03abcde_000021_000031.mp4', 2),
        ('applying_cream/-id_13abcde_000021_000031.mp4', 0),
        ('archery/-id_23abcde_000021_000031.mp4', 1),
    ]
    assert {clip.folder for clip in annotations.clips} == {
        'videos_train', 'videos_val'
    }


def test_kinetics_agrees_with_mmaction(official_parser, tmp_path,
                                       monkeypatch):
    csv = kinetics_texts()
    header = csv['val'].splitlines()[0]
    mini.write_files(
        tmp_path / 'data/kinetics400/annotations',
        {f'kinetics_{name}.csv': text.encode()
         for name, text in {**csv, 'test': header}.items()})
    monkeypatch.chdir(tmp_path)
    train, val, _ = official_parser.parse_kinetics_splits(2, 'kinetics400')[0]
    names = [f'kinetics400_{subset}_list_videos.txt'
             for subset in ('train', 'val')]
    assert_equal(read_kinetics400(csv), names, [train, val])


@pytest.mark.parametrize('row, message', [
    ('dancing,abcdefghijk,1,11,validate,0', 'no training videos'),
    ('zumba,../../abcdefg,1,11,validate,0', 'no YouTube video'),
    ('zumba,abcdefghijk,,11,validate,0', 'not a row'),
    ('zumba', 'not a row'),
])
def test_kinetics_refuses_other_rows(row, message):
    csv = kinetics_texts()
    csv['val'] += f'\n{row}'
    with pytest.raises(PrepareError, match=message):
        read_kinetics400(csv)
