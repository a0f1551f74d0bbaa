import pytest

from respike_mm.apis.class_names import read_class_names


@pytest.mark.parametrize('text, names', [
    ('Pull ups\nLunges\n\n', ['Pull ups', 'Lunges']),
    ('0 Pull ups\n1 Lunges\n', ['Pull ups', 'Lunges']),
    ('1 PullUps\r\n2 Lunges\r\n', ['PullUps', 'Lunges']),
    ('2 step\n5 jump\n', ['2 step', '5 jump']),  # part of the names
])
def test_both_kinds_of_file(text, names, tmp_path):
    path = tmp_path / 'classes.txt'
    path.write_text(text)
    assert read_class_names(path, 2) == names
    with pytest.raises(ValueError, match='names 2 classes, the model has 3'):
        read_class_names(path, 3)


def test_without_a_file():
    assert read_class_names(None, 2) == ['class 0', 'class 1']
