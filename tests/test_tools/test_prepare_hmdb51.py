"""HMDB-51 from a miniature of its nested archives to the lists."""
import shutil

import mini_archives as mini
import pytest
from _prepare import placing
from _prepare.pipeline import Official

import prepare_hmdb51

MINI = Official(
    classes=2,
    videos=8,
    lists={
        f'hmdb51_{subset}_split_{split}_videos.txt': number
        for split in (1, 2, 3) for subset, number in (('train', 4), ('val', 2))
    })


def class_archives(scratch):
    """An archive per class, tar in place of rar."""
    archives = {}
    for name in mini.HMDB_CLASSES:
        path = mini.write_tar(scratch / f'{name}.tar',
                              mini.hmdb51_videos(scratch, name))
        archives[path.name] = path.read_bytes()
        path.unlink()
    return archives


def archives_in_archive(src, scratch):
    mini.write_zip(src / 'hmdb51_org.zip', class_archives(scratch))


def archives_in_folder(src, scratch):
    mini.write_files(src / 'hmdb51_org', class_archives(scratch))


def folders(src, scratch):
    for name in mini.HMDB_CLASSES:
        mini.write_files(src / 'hmdb51_org',
                         mini.hmdb51_videos(scratch, name))


@pytest.fixture
def src(tmp_path):
    folder = tmp_path / 'src'
    folder.mkdir()
    mini.write_zip(folder / 'test_train_splits.zip', mini.hmdb51_splits())
    return folder


@pytest.fixture
def out(tmp_path):
    return tmp_path / 'out'


def prepare(src, out, *options):
    return prepare_hmdb51.main(
        ['--src', str(src), '--out', str(out), *options], MINI)


def test_official_numbers_are_those_of_the_paper():
    assert set(prepare_hmdb51.OFFICIAL.lists.values()) == {3570, 1530}


@pytest.mark.parametrize(
    'layout', [archives_in_archive, archives_in_folder, folders])
def test_sources_to_lists(layout, src, out, tmp_path):
    layout(src, tmp_path)
    assert prepare(src, out, '--verify') == 0
    lists = {
        name: (out / name).read_text().splitlines() for name in MINI.lists
    }
    assert lists['hmdb51_val_split_1_videos.txt'] == [
        'brush_hair/brush_hair_#2_u_np1.avi 0', 'wave/wave_#2_u_np1.avi 1']
    # Code 0: the fourth video is in no list of the first split ...
    assert not any('#3' in row for subset in ('train', 'val')
                   for row in lists[f'hmdb51_{subset}_split_1_videos.txt'])
    # ... but in its place all the same.
    assert len(list((out / 'videos').rglob('*.avi'))) == 8


def test_rar_archives_in_a_rar_archive(src, out, tmp_path):
    """The real thing, with the programs that are installed."""
    if not (shutil.which('unar') or shutil.which('bsdtar')):
        pytest.skip('neither unar nor bsdtar is installed')
    rars = {f'{name}.rar': mini.rar_bytes(mini.hmdb51_videos(tmp_path, name))
            for name in mini.HMDB_CLASSES}
    (src / 'hmdb51_org.rar').write_bytes(mini.rar_bytes(rars))
    (src / 'test_train_splits.zip').unlink()
    (src / 'test_train_splits.rar').write_bytes(
        mini.rar_bytes(mini.hmdb51_splits()))
    assert prepare(src, out, '--verify') == 0
    assert len(list((out / 'videos').rglob('*.avi'))) == 8


def test_corrupt_and_missing_videos(src, out, tmp_path, capsys):
    """One inside a class's archive is cut off; another is not there."""
    archives = class_archives(tmp_path)
    videos = mini.hmdb51_videos(tmp_path, 'wave')
    cut, gone = (f'wave/wave_#{i}_u_np1.avi' for i in (0, 2))
    videos[cut] = videos[cut][:len(videos[cut]) // 2]
    del videos[gone]
    tar = mini.write_tar(tmp_path / 'wave.tar', videos)
    archives[tar.name] = tar.read_bytes()
    mini.write_zip(src / 'hmdb51_org.zip', archives)
    assert prepare(src, out, '--verify') == 1
    assert '1 videos of the split files are missing' in capsys.readouterr().err
    assert (out / 'missing.txt').read_text() == f'videos/{gone}\n'
    mini.write_files(src / 'hmdb51_org', mini.hmdb51_videos(tmp_path, 'wave'))
    (src / 'hmdb51_org' / cut).write_bytes(videos[cut])
    (src / 'hmdb51_org.zip').unlink()
    assert prepare(src, out, '--verify') == 1
    assert '1 videos are corrupt' in capsys.readouterr().err
    assert (out / 'corrupt.txt').read_text().startswith(f'videos/{cut}\t')
    assert prepare(src, out, '--verify', '--skip-corrupt') == 0
    rows = ''.join((out / name).read_text() for name in MINI.lists)
    assert cut not in rows and gone in rows


def test_interrupted_run_unpacks_only_what_is_left(src, out, tmp_path,
                                                   monkeypatch, capsys):
    archives_in_folder(src, tmp_path)
    real = placing.place

    def interrupted(source, target, encoding):
        if 'wave' in target.name:
            raise KeyboardInterrupt
        return real(source, target, encoding)

    monkeypatch.setattr(placing, 'place', interrupted)
    assert prepare(src, out) == 130
    monkeypatch.setattr(placing, 'place', real)
    capsys.readouterr()
    assert prepare(src, out) == 0
    printed = capsys.readouterr().out
    assert 'wave.tar' in printed and 'brush_hair.tar' not in printed


def test_archive_of_which_videos_were_lost_is_unpacked_again(
        src, out, tmp_path):
    archives_in_folder(src, tmp_path)
    assert prepare(src, out) == 0
    lost = out / 'videos/wave/wave_#2_u_np1.avi'
    lost.unlink()
    assert prepare(src, out) == 0
    assert lost.exists()


def test_missing_sources_are_listed(tmp_path, capsys):
    assert prepare(tmp_path / 'nothing', tmp_path / 'out') == 1
    error = capsys.readouterr().err
    for part in ('the split files and the videos', 'hmdb51_org.rar',
                 'test_train_splits.rar', 'serre-lab'):
        assert part in error


def test_split_file_of_a_class_without_training_list(src, out, tmp_path,
                                                     capsys):
    folders(src, tmp_path)
    files = mini.hmdb51_splits()
    del files['testTrainMulti_7030_splits/wave_test_split2.txt']
    (src / 'test_train_splits.zip').unlink()
    mini.write_files(src, files)
    assert prepare(src, out) == 1
    assert 'lack wave_test_split2.txt' in capsys.readouterr().err
