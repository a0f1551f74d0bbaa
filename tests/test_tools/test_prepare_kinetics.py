"""Kinetics-400 from a miniature of CVDF's folders and tar files to lists."""
import av
import mini_archives as mini
import pytest
from _prepare.pipeline import Official

import prepare_kinetics

MINI = Official(classes=3, videos=None, lists={})
TRAIN, VAL = [1, 20], [3]


def clips(scratch, numbers):
    """Clips of all classes, as flat as in CVDF's tar files."""
    return {f'./{mini.kinetics_name(label, number)}.mp4':
            mini.video_bytes(scratch, '.mp4', seed=number)
            for number in numbers for label in range(3)}


@pytest.fixture
def src(tmp_path):
    folder = tmp_path / 'src'
    mini.write_files(
        folder / 'annotations', {
            'train.csv': mini.kinetics_csv('train', TRAIN),
            'val.csv': mini.kinetics_csv('validate', VAL),
            'test.csv': b'youtube_id,time_start,time_end,split\n',
        })
    return folder


@pytest.fixture
def out(tmp_path):
    return tmp_path / 'out'


@pytest.fixture
def tars(src, tmp_path):
    """The clips in tar files, and some that have no label."""
    mini.write_tar(src / 'train/part_0.tar.gz', clips(tmp_path, [1]))
    mini.write_tar(src / 'train/part_1.tar.gz', clips(tmp_path, [20]))
    mini.write_tar(src / 'val/part_0.tar.gz', clips(tmp_path, [3, 4]))
    mini.write_tar(src / 'test/part_0.tar.gz', {'broken.mp4': b''})
    return src


def prepare(src, out, *options):
    return prepare_kinetics.main(
        ['--src', str(src), '--out', str(out), *options], MINI)


def lines(path):
    return path.read_text().splitlines()


def test_tars_to_lists(tars, out, capsys):
    assert prepare(tars, out, '--verify') == 0
    assert lines(out / 'kinetics400_val_list_videos.txt') == [
        'zumba/-id_03abcde_000021_000031.mp4 2',
        'applying_cream/-id_13abcde_000021_000031.mp4 0',
        'archery/-id_23abcde_000021_000031.mp4 1',
    ]
    rows = lines(out / 'kinetics400_train_list_videos.txt')
    assert len(rows) == 6
    assert 'applying_cream/-id_120abcde_000140_000150.mp4 0' in rows
    for row in rows:
        assert (out / 'videos_train' / row.split()[0]).is_file()
    assert len(list(out.rglob('*.mp4'))) == 9
    assert 'test/part_0' not in capsys.readouterr().out


def test_folders_of_classes_with_spaces(src, out, tmp_path):
    for label, name in enumerate(mini.KINETICS_CLASSES):
        for subset, numbers in (('train', TRAIN), ('val', VAL)):
            files = {name: content for name, content in clips(
                tmp_path, numbers).items() if f'-id_{label}' in name}
            mini.write_files(src / subset / name, files)
    assert prepare(src, out) == 0
    assert len(lines(out / 'kinetics400_train_list_videos.txt')) == 6
    assert sorted(path.name for path in (out / 'videos_val').iterdir()) == [
        'applying_cream', 'archery', 'zumba'
    ]


def test_resize(tars, out):
    assert prepare(tars, out, '--resize', '32', '--verify') == 0
    paths = list(out.rglob('*.mp4'))
    assert len(paths) == 9
    for path in paths:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            assert (stream.width, stream.height) == (48, 32)


def test_missing_clips_are_listed_and_tars_not_unpacked_again(
        tars, out, tmp_path, capsys):
    content = clips(tmp_path, [20])
    gone = next(iter(content))
    del content[gone]
    mini.write_tar(tars / 'train/part_1.tar.gz', content)
    assert prepare(tars, out) == 0
    printed = capsys.readouterr().out
    assert '1 videos of the split files are missing' in printed
    assert '5 of 6 videos (83.3 %)' in printed
    assert '3 of 3 videos (100.0 %)' in printed
    assert lines(out / 'missing.txt') == [f'videos_train/zumba/{gone[2:]}']
    assert len(lines(out / 'kinetics400_train_list_videos.txt')) == 5

    assert prepare(tars, out) == 0
    assert 'unpacking' not in capsys.readouterr().out

    # A tar file that was completed meanwhile is another one.
    mini.write_tar(tars / 'train/part_1.tar.gz', clips(tmp_path, [20]))
    assert prepare(tars, out) == 0
    printed = capsys.readouterr().out
    assert 'part_1' in printed and 'part_0' not in printed
    assert not (out / 'missing.txt').exists()
    assert len(lines(out / 'kinetics400_train_list_videos.txt')) == 6


@pytest.mark.parametrize('options', [('--verify', ), ('--resize', '32')])
def test_corrupt_clips_are_left_out(options, tars, out, tmp_path, capsys):
    content = clips(tmp_path, [20])
    name = next(iter(content))
    content[name] = content[name][:500]
    mini.write_tar(tars / 'train/part_1.tar.gz', content)
    assert prepare(tars, out, *options) == 1
    capsys.readouterr()
    assert prepare(tars, out, *options, '--skip-corrupt') == 0
    # The reason is remembered: the tar file is not unpacked for it again.
    assert 'unpacking' not in capsys.readouterr().out
    assert lines(out / 'corrupt.txt')[0].startswith(
        f'videos_train/zumba/{name[2:]}\t')
    assert len(lines(out / 'kinetics400_train_list_videos.txt')) == 5

    # CVDF's repaired clips come first, whatever else there is.
    mini.write_tar(tars / 'replacement/replacement_for_corrupted_k400.tgz',
                   {'replacement_for_corrupted_k400/' + name[2:]:
                    clips(tmp_path, [20])[name]})
    fresh = out.with_name('fresh')
    assert prepare(tars, fresh, *options) == 0
    assert len(lines(fresh / 'kinetics400_train_list_videos.txt')) == 6


def without_archives(src):
    for path in src.rglob('part_*.tar.gz'):
        path.unlink()


@pytest.mark.parametrize('options', [('--verify', ), ('--resize', '32')])
def test_archives_may_go_though_clips_are_missing_or_corrupt(
        options, tars, out, tmp_path, capsys):
    content = clips(tmp_path, [20])
    gone, cut = list(content)[:2]
    del content[gone]
    content[cut] = content[cut][:500]
    mini.write_tar(tars / 'train/part_1.tar.gz', content)
    assert prepare(tars, out, *options, '--skip-corrupt') == 0
    files = ('kinetics400_train_list_videos.txt', 'missing.txt', 'corrupt.txt')
    before = [lines(out / name) for name in files]
    assert [len(rows) for rows in before] == [4, 1, 1]

    without_archives(tars)
    capsys.readouterr()
    for more in (('--verify', ), ()):
        assert prepare(tars, out, *options, *more, '--skip-corrupt') == 0
        assert [lines(out / name) for name in files] == before
    assert '1 videos of the split files are missing' in capsys.readouterr().out
    assert prepare(tars, out, *options) == 1
    assert 'leave them out with --skip-corrupt' in capsys.readouterr().err


def test_a_start_without_archives_fails(tars, out, capsys):
    without_archives(tars)
    (out / 'videos_train').mkdir(parents=True)
    assert prepare(tars, out) == 1
    assert 'lacks 9 of the videos of kinetics400' in capsys.readouterr().err
    assert not (out / 'missing.txt').exists()


def test_repaired_clips_in_folders_come_first(src, out, tmp_path):
    mini.write_files(src / 'a', {
        name: b'broken' for name in clips(tmp_path, TRAIN)})
    mini.write_files(src / 'replacement', clips(tmp_path, TRAIN))
    mini.write_files(src / 'val', clips(tmp_path, VAL))
    assert prepare(src, out, '--verify') == 0


def test_sources_below_the_output_folder(tars):
    """What an interrupted run left in its work folder is no source."""
    name = f'{mini.kinetics_name(0, 1)}.mp4'
    rest = tars.joinpath('.prepare', 'work', 'part_0')
    mini.write_files(rest, {name: b'half'})
    assert prepare(tars, tars, '--verify') == 0
    assert len(lines(tars / 'kinetics400_train_list_videos.txt')) == 6


def verify_with(official, src, out):
    """Runs the script with other official numbers, with and without check."""
    argv = ['--src', str(src), '--out', str(out)]
    return [prepare_kinetics.main([*argv, *more], official)
            for more in (['--verify'], [])]


def test_verify_refuses_too_few_rows(tars, out, capsys):
    name = 'kinetics400_train_list_videos.txt'
    assert verify_with(MINI._replace(at_least={name: 6}), tars, out) == [0, 0]
    assert verify_with(MINI._replace(at_least={name: 7}), tars, out) == [1, 0]
    assert f'{name}: 6 instead of at least 7' in capsys.readouterr().err


def test_verify_looks_for_all_classes_in_each_list(tars, out, capsys):
    path = tars / 'annotations/val.csv'
    path.write_bytes(b'\n'.join(path.read_bytes().splitlines()[:3]))
    assert verify_with(MINI, tars, out) == [1, 0]
    assert ('kinetics400_val_list_videos.txt: 2 classes instead of 3' in
            capsys.readouterr().err)


def test_a_clip_for_each_class_is_not_kinetics(tmp_path, capsys):
    header = 'label,youtube_id,time_start,time_end,split'
    for subset in ('train', 'val'):
        rows = [f'class {i},{subset}_{i:05d},0,10,{subset}'
                for i in range(400)]
        (tmp_path / f'{subset}.csv').write_text('\n'.join([header, *rows]))
    (tmp_path / 'train_00000_000000_000010.mp4').touch()
    argv = ['--src', str(tmp_path), '--out', str(tmp_path / 'out')]
    assert prepare_kinetics.main([*argv, '--verify']) == 1
    error = capsys.readouterr().err
    for subset, number in (('train', 123267), ('val', 9953)):
        assert (f'kinetics400_{subset}_list_videos.txt: 400 instead of at '
                f'least {number}') in error
    assert 'classes' not in error


def test_missing_sources_are_listed(tmp_path, capsys):
    assert prepare(tmp_path / 'nothing', tmp_path / 'out') == 1
    error = capsys.readouterr().err
    for part in ('the split files and the videos', 'train.csv', 'val.csv',
                 'cvdfoundation'):
        assert part in error


def test_missing_subset_is_named(tars, out, capsys):
    (tars / 'annotations/val.csv').unlink()
    assert prepare(tars, out) == 1
    assert 'only the annotations of train' in capsys.readouterr().err


def test_annotations_in_the_archive_of_the_authors(tars, out):
    names = {'train.csv': 'train.csv', 'val.csv': 'validate.csv'}
    files = {f'kinetics400/{new}': (tars / 'annotations' / old).read_bytes()
             for old, new in names.items()}
    for path in (tars / 'annotations').iterdir():
        path.unlink()
    mini.write_tar(tars / 'kinetics400.tar.gz', files)
    assert prepare(tars, out) == 0
    assert len(lines(out / 'kinetics400_val_list_videos.txt')) == 3
