"""UCF-101 from a miniature of the official archives to the lists."""
import os
import subprocess
import sys

import av
import mini_archives as mini
import pytest
from _prepare import pipeline, placing
from _prepare.pipeline import Official

import prepare_ucf101

MINI = Official(
    classes=2,
    videos=8,
    lists={
        f'ucf101_{subset}_split_{split}_videos.txt': number
        for split in (1, 2, 3) for subset, number in (('train', 6), ('val', 2))
    })
FIRST = 'YoYo/v_YoYo_g01_c01.avi'


@pytest.fixture
def src(tmp_path):
    """What a user downloads, with a zip in place of the rar."""
    folder = tmp_path / 'src'
    folder.mkdir()
    mini.write_zip(folder / 'UCF101TrainTestSplits-RecognitionTask.zip',
                   mini.ucf101_splits())
    mini.write_zip(folder / 'UCF101.zip', mini.ucf101_videos(tmp_path))
    return folder


@pytest.fixture
def prepare(src, tmp_path):
    """Runs the script with more options and returns its status."""

    def run(*options):
        argv = ['--src', src, '--out', tmp_path / 'out', *options]
        return prepare_ucf101.main([str(word) for word in argv], MINI)

    return run


@pytest.fixture
def out(tmp_path):
    return tmp_path / 'out'


def unpacked(src, tmp_path):
    """Replaces the archive by the folder in it."""
    (src / 'UCF101.zip').unlink()
    mini.write_files(src, mini.ucf101_videos(tmp_path))
    return src / 'UCF-101'


def lines(path):
    return path.read_text().splitlines()


def snapshot(folder):
    """Identity and time of all videos: a video that is redone differs."""
    return {path: (path.stat().st_ino, path.stat().st_mtime_ns)
            for path in (folder / 'videos').rglob('*.*')}


def test_official_numbers_add_up():
    for split in (1, 2, 3):
        assert prepare_ucf101.OFFICIAL.videos == sum(
            number for name, number in prepare_ucf101.OFFICIAL.lists.items()
            if f'split_{split}' in name)


def test_archives_to_lists(prepare, out):
    assert prepare('--verify') == 0
    assert lines(out / 'ucf101_val_split_3_videos.txt') == [
        'YoYo/v_YoYo_g03_c01.avi 0', 'Archery/v_Archery_g03_c01.avi 1']
    assert len(lines(out / 'ucf101_train_split_3_videos.txt')) == 6
    assert len(snapshot(out)) == 8
    for line in lines(out / 'ucf101_train_split_1_videos.txt'):
        assert (out / 'videos' / line.split()[0]).is_file()
    assert not (out / 'corrupt.txt').exists()
    assert not (out / '.prepare/work').exists()


def test_second_run_unpacks_nothing(prepare, src, out, capsys):
    assert prepare() == 0
    before = snapshot(out)
    capsys.readouterr()
    assert prepare() == 0
    assert 'UCF101.zip' not in capsys.readouterr().out
    (src / 'UCF101.zip').unlink()
    assert prepare('--verify') == 0
    assert snapshot(out) == before


def test_unpacked_folder_is_linked_and_left_alone(prepare, src, out,
                                                  tmp_path):
    folder = unpacked(src, tmp_path)
    assert prepare() == 0
    assert os.path.samefile(folder / FIRST, out / 'videos' / FIRST)
    assert len(list(folder.rglob('*.avi'))) == 8


def test_files_are_copied_where_links_are_impossible(prepare, src, out,
                                                     tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(18, 'Invalid cross-device link')

    folder = unpacked(src, tmp_path)
    monkeypatch.setattr(os, 'link', refuse)
    assert prepare() == 0
    copy = out / 'videos' / FIRST
    assert not os.path.samefile(folder / FIRST, copy)
    assert copy.read_bytes() == (folder / FIRST).read_bytes()


def test_resize(prepare, out):
    assert prepare('--resize', 32, '--gop', 4, '--verify') == 0
    rows = lines(out / 'ucf101_val_split_1_videos.txt')
    assert rows[0] == 'YoYo/v_YoYo_g01_c01.mp4 0'
    for path in snapshot(out):
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            assert (stream.width, stream.height) == (48, 32)
            assert stream.frames == mini.FRAMES


@pytest.mark.parametrize('options', [(), ('--resize', 32)])
def test_interrupted_run_continues(options, prepare, out, monkeypatch,
                                   capsys):
    done = []
    real = placing.place

    def interrupted(source, target, encoding):
        if len(done) == 3:
            # As if the process ended in the middle of a file.
            target.parent.mkdir(exist_ok=True)
            target.with_name(f'.{target.name}.part').write_bytes(b'half')
            raise KeyboardInterrupt
        done.append(target)
        return real(source, target, encoding)

    monkeypatch.setattr(placing, 'place', interrupted)
    assert prepare(*options, '--workers', 1) == 130
    assert 'same command' in capsys.readouterr().err
    before = snapshot(out)
    assert len([path for path in before if path.suffix != '.part']) == 3
    assert not list(out.glob('*.txt'))

    monkeypatch.setattr(placing, 'place', real)
    assert prepare(*options, '--verify') == 0
    after = snapshot(out)
    assert len(after) == 8
    for path in done:
        assert after[path] == before[path]


def test_missing_sources_are_listed(tmp_path, capsys):
    argv = ['--src', str(tmp_path / 'nothing'), '--out', str(tmp_path / 'out')]
    assert prepare_ucf101.main(argv) == 1
    error = capsys.readouterr().err
    for part in ('the split files and the videos', 'UCF101.rar',
                 'UCF101TrainTestSplits-RecognitionTask.zip', 'crcv.ucf.edu'):
        assert part in error
    assert not (tmp_path / 'out').exists()


def test_only_the_missing_source_is_listed(prepare, src, capsys):
    (src / 'UCF101.zip').unlink()
    assert prepare() == 1
    error = capsys.readouterr().err
    assert 'lacks the videos' in error and 'the split files' not in error


def test_missing_videos_are_listed(prepare, src, out, tmp_path, capsys):
    (unpacked(src, tmp_path) / FIRST).unlink()
    assert prepare() == 1
    assert '1 videos of the split files are missing' in capsys.readouterr().err
    assert lines(out / 'missing.txt') == [f'videos/{FIRST}']
    assert not list(out.glob('ucf101_*'))


@pytest.mark.parametrize('options', [('--verify', ), ('--resize', 32)])
def test_corrupt_videos(options, prepare, src, out, tmp_path, capsys):
    folder = unpacked(src, tmp_path)
    content = (folder / FIRST).read_bytes()
    (folder / FIRST).write_bytes(content[:len(content) // 2])
    suffix = '.mp4' if '--resize' in options else '.avi'

    assert prepare(*options) == 1
    assert '1 videos are corrupt' in capsys.readouterr().err
    name = FIRST.replace('.avi', suffix)
    assert lines(out / 'corrupt.txt') == [
        f'videos/{name}\tshorter than its AVI header says'
    ]
    assert not list(out.glob('ucf101_*'))

    assert prepare(*options, '--skip-corrupt') == 0
    assert len(lines(out / 'ucf101_train_split_1_videos.txt')) == 6
    assert lines(out / 'ucf101_val_split_1_videos.txt') == [
        f'Archery/v_Archery_g01_c01{suffix} 1'
    ]

    # A good copy in the source, or in the place of the corrupt one.
    (folder / FIRST).write_bytes(content)
    if suffix == '.avi':
        (out / 'videos' / FIRST).write_bytes(content)
    assert prepare(*options) == 0
    assert not (out / 'corrupt.txt').exists()
    assert len(lines(out / 'ucf101_val_split_1_videos.txt')) == 2


def test_a_missing_video_is_an_error_without_archives_too(
        prepare, src, out, capsys):
    assert prepare() == 0
    (src / 'UCF101.zip').unlink()
    (out / 'videos' / FIRST).unlink()
    assert prepare('--verify') == 1
    error = capsys.readouterr().err
    assert '1 videos of the split files are missing' in error
    assert 'UCF101.rar' in error
    assert lines(out / 'missing.txt') == [f'videos/{FIRST}']


def test_a_plain_run_remembers_corrupt_videos(prepare, src, out, tmp_path,
                                              capsys):
    folder = unpacked(src, tmp_path)
    content = (folder / FIRST).read_bytes()
    (folder / FIRST).write_bytes(content[:-500])
    assert prepare('--verify', '--skip-corrupt') == 0
    left_out = lines(out / 'ucf101_val_split_1_videos.txt')
    assert prepare('--skip-corrupt') == 0
    assert lines(out / 'ucf101_val_split_1_videos.txt') == left_out
    assert len(left_out) == 1
    assert lines(out / 'corrupt.txt')[0].startswith(f'videos/{FIRST}\t')
    capsys.readouterr()
    assert prepare() == 1
    assert '1 videos are corrupt' in capsys.readouterr().err

    (out / 'videos' / FIRST).write_bytes(content)  # another file is news
    assert prepare() == 0
    assert len(lines(out / 'ucf101_val_split_1_videos.txt')) == 2
    assert not (out / 'corrupt.txt').exists()


def test_good_copy_in_another_source_replaces_a_corrupt_one(
        prepare, src, out, tmp_path):
    mini.write_files(src, {f'UCF-101/{FIRST}': b'broken'})
    assert prepare('--resize', 32) == 0
    assert len(snapshot(out)) == 8
    assert not (out / 'corrupt.txt').exists()


def test_split_files_edited_on_windows(prepare, src, out):
    (src / 'UCF101TrainTestSplits-RecognitionTask.zip').unlink()
    mini.write_files(src, {
        name: b'\xef\xbb\xbf' + content
        for name, content in mini.ucf101_splits().items()
    })
    assert prepare('--verify') == 0


def test_verify_continues_but_sees_changes(prepare, out, monkeypatch):
    checked = []
    real = pipeline.find_defect

    def noting(path):
        checked.append(path)
        return real(path)

    monkeypatch.setattr(pipeline, 'find_defect', noting)
    assert prepare('--verify') == 0
    assert len(checked) == 8
    checked.clear()
    (out / 'videos' / FIRST).write_bytes(b'overwritten')
    assert prepare('--verify') == 1
    assert checked == [out / 'videos' / FIRST]


def test_verify_counts(src, tmp_path, capsys):
    argv = ['--src', str(src), '--out', str(tmp_path / 'out')]
    lists = {**MINI.lists, 'ucf101_val_split_2_videos.txt': 3}
    wrong = MINI._replace(videos=9, lists=lists)
    assert prepare_ucf101.main([*argv, '--verify'], wrong) == 1
    error = capsys.readouterr().err
    assert 'ucf101_val_split_2_videos.txt: 2 instead of 3' in error
    assert 'videos: 8 instead of 9' in error
    assert prepare_ucf101.main(argv, wrong) == 0


def test_other_number_of_classes_is_refused(src, tmp_path, capsys):
    argv = ['--src', str(src), '--out', str(tmp_path / 'out')]
    assert prepare_ucf101.main(argv) == 1
    assert '2 classes instead of 101' in capsys.readouterr().err


def test_other_encoding_needs_another_folder(prepare, capsys):
    assert prepare() == 0
    assert prepare('--resize', 32) == 1
    assert 'choose another --out' in capsys.readouterr().err


def test_errors_of_the_file_system_are_told(prepare, out, capsys):
    out.write_text('a file')
    assert prepare() == 1
    assert capsys.readouterr().err.startswith('error: [Errno')
    assert out.read_text() == 'a file'


def test_gop_without_resize_is_refused(prepare):
    with pytest.raises(SystemExit):
        prepare('--gop', 4)


def test_script_by_its_path(tmp_path):
    script = mini.TOOLS / 'prepare_ucf101.py'
    result = subprocess.run(
        [sys.executable, script, '--src', tmp_path, '--out', tmp_path / 'out'],
        capture_output=True, text=True, cwd=tmp_path)
    assert result.returncode == 1
    assert result.stderr.startswith(f'error: {tmp_path} lacks')
