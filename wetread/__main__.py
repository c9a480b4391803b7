import sys

from wetread.cli import main

sys.exit(main())
