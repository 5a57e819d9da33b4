"""`python -m pipelines <stage> <item>`: run one stage, in a warm process if some are kept."""

import runpy
import sys

from pipelines import warm


def main() -> None:
    """Hand the stage over to `pipelines.warm`, or run it here."""
    if len(sys.argv) < 2:
        sys.exit("usage: python -m pipelines <stage> [<item>]")
    stage, *arguments = sys.argv[1:]
    try:
        if (code := warm.hand_over(stage, arguments)) is not None:
            sys.exit(code)
        sys.argv = [stage, *arguments]
        runpy.run_module(f"pipelines.{stage}", run_name="__main__", alter_sys=True)
    except KeyboardInterrupt:  # while it imports, or while the warm process works for it
        from pipelines.stage import end_interrupted

        end_interrupted(" ".join((stage, *arguments)))


if __name__ == "__main__":
    main()
