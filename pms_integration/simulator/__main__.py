import sys

from pms_integration.simulator.command_line import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
