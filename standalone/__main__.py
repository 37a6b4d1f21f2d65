"""``python -m standalone``: start Lariat as one process."""

from __future__ import annotations

import logging
import os
import sys

from chalicelib.errors import LariatError
from standalone.options import BadOption, parse


def main() -> int:
    try:
        options = parse(sys.argv[1:], os.environ)
        logging.basicConfig(level=options.level.upper(), format="%(asctime)s %(levelname)s %(name)s %(message)s")
        if options.level != "debug":
            # uvicorn tells of every connection that opens; we say what matters ourselves.
            logging.getLogger("uvicorn").setLevel(logging.WARNING)
        # Wrong options are answered at once, before the server's packages are loaded.
        from standalone.server import Fault, serve

        try:
            serve(options)
        except Fault as fault:
            print(f"lariat: {fault}", file=sys.stderr)
            return 1
    except BadOption as error:
        print(f"lariat: {error}", file=sys.stderr)
        return 2
    except LariatError as error:
        print(f"lariat: {error.message}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
