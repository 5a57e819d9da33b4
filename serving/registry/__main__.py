"""`python -m serving.registry`."""

import sys

from serving.registry.command import main

sys.exit(main())
