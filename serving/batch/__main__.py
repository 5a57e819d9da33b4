"""`python -m serving.batch`."""

import sys

from serving.batch.command import main

sys.exit(main())
