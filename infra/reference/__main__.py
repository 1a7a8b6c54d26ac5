"""`python -m infra.reference FOLDER` writes the reference."""

import sys
from pathlib import Path

from infra.reference import write

write(Path(sys.argv[1]))
