import json
import os

import pytest

from respike_mm.apis.prediction_log import Prediction, PredictionLog

TOP = [Prediction('jump, high', .75), Prediction('"run"', .25)]


def write(path, *rows, **options):
    with PredictionLog(path, 'model a', 2, **options) as log:
        before = dict(log.finished)
        for row in rows:
            log.write(*row)
    return before


def test_csv(tmp_path):
    path = tmp_path / 'new/p.csv'
    write(path, ('a.mp4', TOP), ('b.mp4', (), 'two\nlines'))
    assert path.read_text() == '''\
video,model,error,class_1,score_1,class_2,score_2
a.mp4,model a,,"jump, high",0.750000,"""run""",0.250000
b.mp4,model a,two lines,,,,
'''
    assert write(path) == {'a.mp4': '', 'b.mp4': 'two lines'}


def test_jsonl(tmp_path):
    path = tmp_path / 'p.jsonl'
    write(path, ('a.mp4', TOP), ('b.mp4', (), 'broken'))
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert rows == [
        dict(video='a.mp4', model='model a', error='', predictions=[
            dict(name='jump, high', score=.75), dict(name='"run"',
                                                     score=.25)]),
        dict(video='b.mp4', model='model a', error='broken', predictions=[])]
    assert write(path) == {'a.mp4': '', 'b.mp4': 'broken'}


@pytest.mark.parametrize('suffix', ['.csv', '.jsonl'])
def test_rows_are_on_disk_at_once_and_a_torn_line_goes(suffix, tmp_path):
    path = tmp_path / f'p{suffix}'
    with PredictionLog(path, 'model a', 2) as log:
        log.write('a.mp4', TOP)
        whole = path.read_bytes()
        log.write('b.mp4', TOP)
        torn = path.read_bytes()[:-9]
    assert b'a.mp4' in whole and len(torn) > len(whole)
    path.write_bytes(torn)
    assert write(path, ('b.mp4', TOP)) == {'a.mp4': ''}
    assert path.read_bytes().startswith(whole)
    assert write(path) == {'a.mp4': '', 'b.mp4': ''}


@pytest.mark.parametrize('suffix', ['.csv', '.jsonl'])
def test_names_that_are_no_utf8(suffix, tmp_path):
    path, name = tmp_path / f'p{suffix}', os.fsdecode(b'caf\xe9.mp4')
    write(path, (name, TOP), ('b.mp4', (), 'broken'))
    assert suffix == '.jsonl' or b'\ncaf\xe9.mp4,' in path.read_bytes()
    assert write(path, retry=True) == {name: ''}
    assert write(path) == {name: ''}


@pytest.mark.parametrize('suffix', ['.csv', '.jsonl'])
def test_retry_takes_the_errors_out(suffix, tmp_path):
    path = tmp_path / f'p{suffix}'
    write(path, ('a.mp4', TOP))
    good = path.read_text()
    write(path, ('b.mp4', (), 'broken'))
    assert write(path, retry=True) == {'a.mp4': ''}
    assert path.read_text() == good
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_files_that_do_not_go_on(tmp_path):
    with pytest.raises(ValueError, match='.csv or .jsonl'):
        PredictionLog(tmp_path / 'p.json', 'model a', 2)
    path = tmp_path / 'p.csv'
    write(path, ('a.mp4', TOP))
    content = path.read_bytes()
    with pytest.raises(ValueError, match='of model a, not of model b'):
        PredictionLog(path, 'model b', 2)
    with pytest.raises(ValueError, match='top-3'):
        PredictionLog(path, 'model a', 3)
    assert path.read_bytes() == content


HEAD = 'video,model,error,class_1,score_1,class_2,score_2\n'
ROW = '{"video": "a.mp4", "model": "model a", "error": ""}\n'


@pytest.mark.parametrize('name, content, match', [
    # Without a final newline: nothing may be cut off.
    ('p.csv', b'name,age\nanna,1', r'p\.csv has other columns'),
    ('p.csv', b'one line', r'p\.csv, line 1: no complete line'),
    ('p.jsonl', b'{"video": "a.mp4"}', r'p\.jsonl, line 1: no complete line'),
    ('p.jsonl', b'{"name": 1}\n{"na', r'p\.jsonl, line 1: no video, model'),
    ('p.jsonl', ROW.encode() + b'[1]\n', r'p\.jsonl, line 2: no video'),
    ('p.jsonl', ROW.encode() + b'{"a"\n{', r'p\.jsonl, line 2: no JSON'),
    ('p.csv', HEAD.encode() + b'a,b\nc', r'p\.csv, line 2: not 7 values'),
    ('p.csv', HEAD.encode() + b'x' * 200000 + b'\n', r'p\.csv, line 2: field'),
    ('p.csv', HEAD.encode() + b'\xff\nc', r'p\.csv, line 2: not 7'),
    ('p.csv', HEAD.encode() + b'a,other,,,,,\nc', 'of other, not of model a'),
])
def test_other_files_are_refused_and_left_alone(name, content, match,
                                                tmp_path):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ValueError, match=match):
        PredictionLog(path, 'model a', 2)
    assert path.read_bytes() == content


@pytest.mark.parametrize('content', ['', HEAD[:9], HEAD[:-1], HEAD])
def test_a_torn_header_is_written_again(content, tmp_path):
    path = tmp_path / 'p.csv'
    path.write_text(content)
    assert write(path) == {}
    assert path.read_text() == HEAD


def test_a_video_named_with_a_line_separator(tmp_path):
    path = tmp_path / 'p.csv'
    write(path, ('a\u2028b.mp4', TOP))
    assert write(path) == {'a\u2028b.mp4': ''}
