"""A receiver of OTLP that others wrote: `rotel`, which prints what it gets."""

import importlib.util
from pathlib import Path

from support.gateways import free_port
from support.programs import Program


class Rotel:
    """A running `rotel-agent`."""

    def __init__(self, log_directory: Path) -> None:
        package = importlib.util.find_spec("rotel")
        assert package is not None and package.origin is not None, "rotel is missing; scripts/test.sh installs it"
        port, grpc_port = free_port(), free_port()
        arguments: list[str | Path] = [
            Path(package.origin).parent / "rotel-agent",
            "start",
            *("--exporter", "blackhole"),
            *("--debug-log", "traces", "--debug-log", "metrics", "--debug-log", "logs"),
            *("--debug-log-verbosity", "detailed"),
            *("--otlp-http-endpoint", f"127.0.0.1:{port}"),
            *("--otlp-grpc-endpoint", f"127.0.0.1:{grpc_port}"),
        ]
        self.program = Program(arguments, {}, log_directory)
        self.endpoint = f"http://127.0.0.1:{port}"

    def wait_for_text(self, *parts: str) -> str:
        """Everything it has printed, once that holds all of `parts`."""

        def find() -> str | None:
            text = self.program.stdout() + self.program.stderr()
            return text if all(part in text for part in parts) else None

        return self.program.wait_for(f"{parts}", find)

    def stop(self) -> None:
        self.program.stop()
