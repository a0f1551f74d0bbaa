"""A table of predictions that survives whatever happens while it grows."""
import csv
import io
import json
import os
from pathlib import Path
from types import TracebackType
from typing import Dict, List, NamedTuple, Optional, Sequence, Type

COLUMNS = ('video', 'model', 'error')
# Names of files may be any bytes, which Python holds as surrogates.
_ENCODING = dict(encoding='utf-8', errors='surrogateescape')


class Prediction(NamedTuple):
    """One class of a top-k list."""
    name: str
    score: float


class PredictionLog:
    """Writes a row as soon as a video is done; an existing file is continued.

    A row has the video, the model, an error or nothing, and the top-k classes
    with their scores: ``class_1,score_1,...`` in a ``.csv``, a list
    ``predictions`` in a ``.jsonl`` (one JSON object a line). A last line that
    was cut off in the middle is removed. Use it in a ``with`` block.

    Args:
        path: The file; its suffix chooses the format.
        model: Name of config and checkpoint, written into every row.
        top_k: Classes of a row.
        retry: Remove rows with an error first.

    Raises:
        ValueError: If the suffix is another, or the file has other columns,
            rows of another model or anything else; it is left as it is.
    """

    def __init__(self, path: Path, model: str, top_k: int,
                 retry: bool = False) -> None:
        self.path, self.model, self.top_k = Path(path), model, top_k
        if self.path.suffix not in ('.csv', '.jsonl'):
            raise ValueError(f'predictions are written as .csv or .jsonl (one '
                             f'JSON object a line), not {path}')
        rows = self._read() if self.path.exists() else []
        if retry and any(row['error'] for row in rows):
            rows = [row for row in rows if not row['error']]
            self._replace(rows)
        self.finished: Dict[str, str] = {
            row['video']: row['error'] for row in rows}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        is_new = not self.path.exists() or not self.path.stat().st_size
        self._file = self.path.open('a', newline='', **_ENCODING)
        if is_new:
            self._file.write(self._head())
            self._file.flush()

    def __enter__(self) -> 'PredictionLog':
        return self

    def __exit__(self, kind: Optional[Type[BaseException]],
                 error: Optional[BaseException],
                 trace: Optional[TracebackType]) -> None:
        self._file.close()

    @property
    def _fields(self) -> List[str]:
        """Columns of a ``.csv``."""
        top = [f'{what}_{rank}' for rank in range(1, self.top_k + 1)
               for what in ('class', 'score')]
        return [*COLUMNS, *top]

    def _head(self) -> str:
        return '' if self.path.suffix == '.jsonl' else ','.join(
            self._fields) + '\n'

    def _read(self) -> List[dict]:
        """Rows of an existing file; what was cut off is taken off."""
        content = self.path.read_bytes()
        size = content.rfind(b'\n') + 1
        if not size and not self._head().encode().startswith(content):
            raise self._refusal(1, 'no complete line')
        text = content[:size].decode(**_ENCODING)
        is_json = self.path.suffix == '.jsonl'
        rows = self._json_rows(text) if is_json else self._csv_rows(text)
        self._check(rows)
        # Only now is it known to be a table of ours.
        if size < len(content):
            os.truncate(self.path, size)
        return rows

    def _json_rows(self, text: str) -> List[dict]:
        rows = []
        # Not splitlines(), for which more characters end a line.
        for number, line in enumerate(text.split('\n')[:-1], 1):
            try:
                row = json.loads(line)
            except ValueError as error:
                raise self._refusal(number, f'no JSON ({error})') from None
            if not isinstance(row, dict) or not all(
                    isinstance(row.get(key), str) for key in COLUMNS):
                raise self._refusal(number, f'no {", ".join(COLUMNS)}')
            rows.append(row)
        return rows

    def _csv_rows(self, text: str) -> List[dict]:
        lines = csv.reader(io.StringIO(text, newline=''))
        rows = []
        try:
            if next(lines, self._fields) != self._fields:
                raise ValueError(
                    f'{self.path} has other columns than for top-{self.top_k};'
                    ' choose another file or the --top-k it was begun with')
            for values in lines:
                if len(values) != len(self._fields):
                    raise self._refusal(lines.line_num,
                                        f'not {len(self._fields)} values')
                rows.append(dict(zip(self._fields, values)))
        except csv.Error as error:
            raise self._refusal(lines.line_num, str(error)) from None
        return rows

    def _refusal(self, line: int, defect: str) -> ValueError:
        return ValueError(
            f'{self.path}, line {line}: {defect}; it is no table of '
            'predictions to continue, choose another file or delete it')

    def _check(self, rows: Sequence[dict]) -> None:
        others = {row['model'] for row in rows} - {self.model}
        if others:
            raise ValueError(f'{self.path} holds predictions of '
                             f'{", ".join(sorted(others))}, not of '
                             f'{self.model}; choose another file')

    def _replace(self, rows: Sequence[dict]) -> None:
        """Write these rows in place of the file, at once or not at all."""
        if self.path.suffix == '.jsonl':
            lines = [json.dumps(row) + '\n' for row in rows]
        else:
            lines = [_csv_line([row[k] for k in self._fields])
                     for row in rows]
        part = self.path.with_name(self.path.name + '.part')
        part.write_text(self._head() + ''.join(lines), **_ENCODING)
        part.replace(self.path)

    def write(self, video: str, predictions: Sequence[Prediction] = (),
              error: str = '') -> None:
        """Append the row of one video.

        Args:
            video: Its name.
            predictions: Its top-k classes, best first.
            error: What went wrong, instead.
        """
        error = ' '.join(error.split())  # a row is a line
        if self.path.suffix == '.jsonl':
            line = json.dumps(
                dict(video=video, model=self.model, error=error,
                     predictions=[
                         dict(p._asdict(), score=round(p.score, 6))
                         for p in predictions])) + '\n'
        else:
            top = [x for p in predictions
                   for x in (p.name, f'{p.score:.6f}')]
            top += [''] * (2 * self.top_k - len(top))
            line = _csv_line([video, self.model, error, *top])
        self._file.write(line)
        self._file.flush()
        self.finished[video] = error


def _csv_line(values: Sequence[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator='\n').writerow(values)
    return text.getvalue()
