"""Archives of each kind in, the same folder out, and nothing beside it.

No free program writes rar, so the rar files here are put together by hand:
valid, but stored without compression. Programs that read rar are replaced by
one that notes how it is called; the real ones are tested where installed.
"""
import io
import os
import shutil
import stat
import subprocess
import tarfile

import mini_archives as mini
import pytest
from _prepare.archives import as_folder, extract, find_sources
from _prepare.errors import PrepareError
from _prepare.rar import unpackers
from _prepare.safety import is_inside

FILES = {'a/one.txt': b'1' * 999, 'a/with space/two#;&.txt': b'2', 'b': b''}
WRITERS = {
    'zip': mini.write_zip,
    'tar': mini.write_tar,
    'tar.gz': mini.write_tar,
}
# Stands in for a program that lists and extracts. It notes its arguments and
# "extracts" one file; what it lists and whether it fails is filled in.
FAKE = '''#!/bin/sh
echo "$(basename "$0") $*" >> {log}
case " $*" in
  *'{extracts}'*) {action} ;;
  *) printf '%s' '{listing}' ;;
esac
'''


def content_of(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes()
            for path in folder.rglob('*') if path.is_file()}


@pytest.fixture
def only_path(tmp_path, monkeypatch):
    """A PATH on which there is nothing but what a shell script needs."""
    folder = tmp_path / 'bin'
    folder.mkdir()
    for name in ('sh', 'basename', 'mkdir', 'ln'):
        os.symlink(shutil.which(name), folder / name)
    monkeypatch.setenv('PATH', str(folder))
    return folder


def add_fake(folder, name, log, extracts, action, listing):
    path = folder / name
    path.write_text(FAKE.format(log=log, extracts=extracts, action=action,
                                listing=listing))
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


@pytest.mark.parametrize('kind', WRITERS)
def test_extract(kind, tmp_path):
    archive = WRITERS[kind](tmp_path / f'x.{kind}', FILES)
    extract(archive, tmp_path / 'out')
    assert content_of(tmp_path / 'out') == FILES


def test_extract_shows_how_much_of_a_tar_file_is_unpacked(tmp_path, capsys):
    archive = mini.write_tar(tmp_path / 'x.tar.gz', FILES)
    extract(archive, tmp_path / 'out')
    size = archive.stat().st_size
    assert f'{size}/{size} bytes' in capsys.readouterr().out


def test_extract_tells_compression_from_content(tmp_path):
    archive = mini.write_tar(tmp_path / 'x.tar', FILES)
    extract(archive.rename(tmp_path / 'x.tar.gz'), tmp_path / 'out')
    assert content_of(tmp_path / 'out') == FILES


@pytest.mark.parametrize('kind', WRITERS)
@pytest.mark.parametrize('name', ['../evil', '/evil', 'a/../../evil'])
def test_extract_refuses_to_leave_the_folder(kind, name, tmp_path):
    out = tmp_path / 'deep/out'
    archive = WRITERS[kind](tmp_path / f'x.{kind}', {**FILES, name: b'!'})
    with pytest.raises(PrepareError, match='unsafe path'):
        extract(archive, out)
    assert not [path for path in tmp_path.rglob('evil')]


def test_extract_refuses_links(tmp_path):
    path = tmp_path / 'x.tar'
    with tarfile.open(path, 'w') as archive:
        link = tarfile.TarInfo('a')
        link.type, link.linkname = tarfile.SYMTYPE, '..'
        archive.addfile(link)
        entry = tarfile.TarInfo('a/evil')
        archive.addfile(entry, io.BytesIO())
    with pytest.raises(PrepareError, match='neither a file nor a folder'):
        extract(path, tmp_path / 'deep/out')
    assert not list(tmp_path.rglob('evil'))


@pytest.mark.parametrize('kind', WRITERS)
def test_extract_names_a_damaged_archive(kind, tmp_path):
    archive = WRITERS[kind](tmp_path / f'x.{kind}',
                            {'a': os.urandom(50000)})
    archive.write_bytes(archive.read_bytes()[:30000])
    with pytest.raises(PrepareError, match=f'x.{kind} cannot be unpacked'):
        extract(archive, tmp_path / 'out')


@pytest.mark.parametrize('name, inside', [
    ('a/b.avi', True), ('./', True), ('a..b/c', True), ('..', False),
    ('a/..', False), ('/a', False), ('\\a', False), ('a\\..\\b', False),
    ('C:a', False), ('C:\\a', False)])
def test_is_inside(name, inside):
    assert is_inside(name) is inside


def test_as_folder_removes_only_what_it_unpacked(tmp_path):
    archive = mini.write_zip(tmp_path / 'x.zip', FILES)
    work = tmp_path / 'work'
    with as_folder(archive, work) as folder:
        assert content_of(folder) == FILES
    assert not list(work.iterdir())
    source = mini.write_files(tmp_path / 'source', FILES)
    with as_folder(source, work) as folder:
        assert folder == source
    assert content_of(source) == FILES


def test_find_sources_puts_folders_first(tmp_path):
    (tmp_path / 'x').mkdir()
    for name in ('x.rar', 'x.tgz', 'y.zip', 'z.rar'):
        (tmp_path / name).touch()
    found = [path.name for path in find_sources(tmp_path, ['y', 'x'])]
    assert found == ['x', 'y.zip', 'x.rar', 'x.tgz']


@pytest.mark.parametrize('program, extracts, listing, calls', [
    ('unrar', ' x ', 'a/one.txt', [
        'unrar lb -p- {archive}',
        'unrar x -o+ -idq -p- {archive} {folder}/']),
    ('unar', '-output-directory',
     '{"lsarContents": [{"XADFileName": "a/one.txt"}]}', [
         'lsar -json {archive}',
         'unar -quiet -no-directory -no-recursion -output-directory {folder} '
         '{archive}']),
    ('7z', ' x ', 'Path = a/one.txt\nSize = 999\n', [
        '7z l -ba -slt -p- {archive}',
        '7z x -y -bd -p- -o{folder} {archive}']),
    ('7zz', ' x ', 'Path = a/one.txt\nSize = 999\n', [
        '7zz l -ba -slt -p- {archive}',
        '7zz x -y -bd -p- -o{folder} {archive}']),
    ('bsdtar', '-xf', 'a/one.txt', [
        'bsdtar -tf {archive}', 'bsdtar -xf {archive} -C {folder}']),
])
def test_rar_command_lines(program, extracts, listing, calls, tmp_path,
                           only_path):
    archive, out, log = (tmp_path / name for name in ('x.rar', 'out', 'log'))
    archive.touch()
    action = f'mkdir -p {out}/a; echo 1 > {out}/a/one.txt'
    for name in {program, calls[0].split()[0]}:
        add_fake(only_path, name, log, extracts, action, listing)
    extract(archive, out)
    assert content_of(out) == {'a/one.txt': b'1\n'}
    assert log.read_text().splitlines() == [
        call.format(archive=archive, folder=out) for call in calls
    ]


def test_rar_listing_is_checked_before_extraction(tmp_path, only_path):
    archive, log = tmp_path / 'x.rar', tmp_path / 'log'
    archive.touch()
    add_fake(only_path, 'unrar', log, ' x ', ':', 'a.txt\n../evil.txt')
    with pytest.raises(PrepareError, match='unsafe path'):
        extract(archive, tmp_path / 'out')
    assert len(log.read_text().splitlines()) == 1


def test_rar_with_a_link_is_refused(tmp_path, only_path):
    archive, out = tmp_path / 'x.rar', tmp_path / 'out'
    archive.touch()
    add_fake(only_path, 'unrar', tmp_path / 'log', ' x ',
             f'ln -s {archive} {out}/a.avi', 'a.avi')
    with pytest.raises(PrepareError, match='neither a file nor a folder'):
        extract(archive, out)


def test_rar_goes_on_with_the_next_program_and_says_so(tmp_path, only_path,
                                                       capsys):
    archive, out, log = (tmp_path / name for name in ('x.rar', 'out', 'log'))
    archive.touch()
    # Debian's unrar-free, a 7z without the codec, and a bsdtar that works.
    add_fake(only_path, 'unrar', log, ' x ', ':', 'unrar-free 0.1.3')
    fails = f'echo half > {out}/half; echo Unsupported Method >&2; exit 2'
    add_fake(only_path, '7z', log, ' x ', fails, 'Path = a')
    add_fake(only_path, 'bsdtar', log, '-xf', f'echo all > {out}/a', 'a')
    extract(archive, out)
    assert content_of(out) == {'a': b'all\n'}
    printed = capsys.readouterr().out
    assert 'not unpacked by unrar: it is unrar-free' in printed
    assert 'not unpacked by 7z: Unsupported Method' in printed


def test_rar_that_no_program_reads(tmp_path, only_path):
    archive = tmp_path / 'x.rar'
    archive.touch()
    fails = 'echo CRC failed >&2; exit 3'
    add_fake(only_path, '7z', tmp_path / 'log', ' x ', fails, 'Path = a')
    with pytest.raises(PrepareError) as error:
        extract(archive, tmp_path / 'out')
    assert '7z: CRC failed' in str(error.value)
    assert 'libarchive-tools' in str(error.value)


def test_rar_without_any_program(tmp_path, only_path):
    archive = tmp_path / 'x.rar'
    archive.touch()
    with pytest.raises(PrepareError, match='no program') as error:
        extract(archive, tmp_path / 'out')
    assert 'libarchive-tools' in str(error.value)


def real_unpacker(program):
    """Finds one of the programs, or skips."""
    if not shutil.which(program):
        pytest.skip(f'{program} is not installed')
    if program == 'unrar' and 'unrar-free' in subprocess.run(
            ['unrar', '--version'], capture_output=True, text=True).stdout:
        pytest.skip('unrar is unrar-free')
    if program.startswith('7z') and 'Rar' not in subprocess.run(
            [program, 'i'], capture_output=True, text=True).stdout:
        pytest.skip(f'{program} was built without rar')
    return next(one for one in unpackers() if one.program == program)


@pytest.fixture(params=['unrar', 'unar', '7z', '7zz', 'bsdtar'])
def one_program(request, monkeypatch):
    unpacker = real_unpacker(request.param)
    monkeypatch.setattr('_prepare.rar.unpackers', lambda: [unpacker])


def test_real_program_extracts(one_program, tmp_path):
    archive = tmp_path / 'x.rar'
    archive.write_bytes(mini.rar_bytes(FILES))
    extract(archive, tmp_path / 'out')
    assert content_of(tmp_path / 'out') == FILES


def test_real_program_reports_damage(one_program, tmp_path):
    archive = tmp_path / 'x.rar'
    archive.write_bytes(mini.rar_bytes(FILES)[:500])
    with pytest.raises(PrepareError, match='could not be unpacked'):
        extract(archive, tmp_path / 'out')


def test_real_program_does_not_leave_the_folder(one_program, tmp_path):
    archive = tmp_path / 'x.rar'
    archive.write_bytes(mini.rar_bytes({**FILES, '../evil': b'!'}))
    with pytest.raises(PrepareError, match='unsafe path'):
        extract(archive, tmp_path / 'deep/out')
    assert not list(tmp_path.rglob('evil'))
