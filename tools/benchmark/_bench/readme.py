"""Tables inside a page, kept equal to the files that they come from."""
import re
from pathlib import Path

from .errors import BenchmarkError
from .files import write_text

# At the start of a line: an indented example is none.
BLOCK = re.compile(
    r'^(?P<start><!-- table (?P<path>\S+) -->\n).*?'
    r'^(?P<end><!-- end table -->)', re.DOTALL | re.MULTILINE)


def fill(text: str, folder: Path) -> str:
    """Replace what stands in each block by the file that its head names.

    Args:
        text: A Markdown page.
        folder: The page's folder; the blocks' paths are relative to it.

    Raises:
        BenchmarkError: If a file does not exist or a block does not end.
    """

    def block(match: 're.Match') -> str:
        path = folder / match['path']
        if not path.is_file():
            raise BenchmarkError(f'no table {path} to put into the page')
        table = path.read_text(encoding='utf-8').rstrip('\n')
        return f'{match["start"]}\n{table}\n\n{match["end"]}'

    filled, blocks = BLOCK.subn(block, text)
    if blocks != len(re.findall(r'^<!-- table ', text, re.MULTILINE)):
        raise BenchmarkError('a line <!-- table PATH --> has no '
                             '<!-- end table --> after it')
    return filled


def fill_file(page: Path) -> None:
    """Bring a page up to date."""
    write_text(page, fill(page.read_text(encoding='utf-8'), page.parent))
