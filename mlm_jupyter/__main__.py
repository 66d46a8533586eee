"""``python -m mlm_jupyter``: the same as ``mlm``."""

import sys

from mlm_jupyter.commands import main

sys.exit(main())
