import os

from pms_backend.standalone.configuration import Configuration
from pms_backend.standalone.console import Console
from pms_backend.standalone.env_file import load_env_file
from pms_backend.standalone.exceptions import report_startup_errors
from pms_backend.standalone.programs import stack_of
from pms_backend.standalone.stop_signals import StopSignals
from pms_backend.standalone.supervisor import Supervisor


def main() -> None:
    signals = StopSignals()
    with report_startup_errors():
        load_env_file()
        configuration = Configuration.from_environment(os.environ)
        Supervisor(configuration, stack_of(configuration), Console(), signals).run()


if __name__ == "__main__":
    main()
