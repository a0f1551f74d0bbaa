"""Which checkpoint to resume from."""
import zipfile
from pathlib import Path
from typing import Callable, List, Optional, Union


def damage(path: Union[str, Path]) -> Optional[str]:
    """Tell what is wrong with a checkpoint file, without unpickling it.

    PyTorch writes a ZIP archive: cut off, it has no table of contents; a
    record that changed fails its checksum.

    Args:
        path: A local file that PyTorch 1.6 or later wrote, or a folder (of
            FSDP's parts), which is not looked into.

    Returns:
        The defect, or None.
    """
    if Path(path).is_dir():
        return None
    try:
        with zipfile.ZipFile(path) as archive:
            record = archive.testzip()
    except (OSError, zipfile.BadZipFile) as error:
        return f'{type(error).__name__}: {error}'
    return f'record {record} fails its checksum' if record else None


def _candidates(work_dir: Path) -> List[Path]:
    """Checkpoints of a run, the one that was noted as its last first."""
    pointer = work_dir / 'last_checkpoint'
    noted = pointer.read_text().strip() if pointer.is_file() else ''
    folders = {work_dir, Path(noted).parent} if noted else {work_dir}
    found = [path for folder in folders for name in ('epoch_*', 'iter_*')
             for path in folder.glob(f'{name}.pth')]
    found.sort(key=lambda path: path.stat().st_mtime, reverse=True)
    if noted:
        found.insert(0, Path(noted))
    return list(dict.fromkeys(found))


def latest_checkpoint(work_dir: Union[str, Path],
                      warn: Callable[[str], None]) -> Optional[Path]:
    """Find the last checkpoint of a run that is whole.

    Args:
        work_dir: Where ``CheckpointHook`` left ``last_checkpoint``.
        warn: Told of every checkpoint that is passed over, and why.

    Returns:
        The file; None if the run has not saved any.

    Raises:
        ValueError: If there are checkpoints and none is whole.
    """
    candidates = _candidates(Path(work_dir))
    for path in candidates:
        defect = damage(path)
        if defect is None:
            return path
        warn(f'checkpoint {path} is damaged ({defect}); trying the one '
             'before it')
    if candidates:
        raise ValueError(
            f'no checkpoint in {work_dir} is whole; to begin anew, remove '
            'them or leave out --resume')
    return None
