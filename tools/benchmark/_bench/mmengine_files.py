"""What MMEngine leaves in a work dir."""
import json
from pathlib import Path
from typing import Any, Dict, Optional


def last_checkpoint(work_dir: Path) -> Optional[str]:
    """Name of the newest checkpoint that was saved completely."""
    pointer = work_dir / 'last_checkpoint'
    if not pointer.exists():
        return None
    name = Path(pointer.read_text().strip()).name
    return name if (work_dir / name).exists() else None


def epoch(work_dir: Path) -> Optional[int]:
    """The epoch that a training is in, from its newest log."""
    for log in sorted(work_dir.glob('*/vis_data/scalars.json'), reverse=True):
        for line in reversed(log.read_text().splitlines()):
            try:
                record = json.loads(line)
            except json.JSONDecodeError:  # being written
                continue
            if 'epoch' in record:
                return record['epoch']
    return None


def test_metrics(work_dir: Path) -> Optional[Dict[str, Any]]:
    """The newest completed test's figures, as the logger hook wrote them."""
    for path in sorted(work_dir.glob('*/*.json'), reverse=True):
        try:
            metrics = json.loads(path.read_text())
        except json.JSONDecodeError:  # cut off
            continue
        if path.stem == path.parent.name:
            return metrics
    return None
