"""The latest figures for Prometheus: as a textfile for its node exporter, or at a port. An extra.

Knows records and the client library's registry; measures nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jargonaut.errors import InputError, JargonautError
from jargonaut.monitoring.records import RULES_HELP, SIGNALS, PassRecord

if TYPE_CHECKING:
    from prometheus_client.core import Metric

_PREFIX = "jargonaut_"


class _Latest:
    """What the client library asks at every scrape."""

    def __init__(self, latest: Callable[[], PassRecord | None], labels: dict[str, str]) -> None:
        self._latest, self._labels = latest, labels

    def collect(self) -> Iterable[Metric]:
        """Every figure of the last pass, the alarms and when it was."""
        from datetime import datetime

        from prometheus_client.core import GaugeMetricFamily

        found = self._latest()
        if found is None:
            return
        names, values = [*self._labels, "version"], [*self._labels.values(), found.version]

        def gauge(name: str, told: str, extra: Iterable[tuple[tuple[str, ...], float]], more: tuple[str, ...]) -> Any:
            family = GaugeMetricFamily(_PREFIX + name, told, labels=[*names, *more])
            for labels, value in extra:
                family.add_metric([*values, *labels], value)
            return family

        for one in found.signals:
            if one.name.startswith("p: "):
                continue
            rows = [(("value",), one.value)]
            rows += [((end,), value) for end, value in (("low", one.low), ("high", one.high)) if value is not None]
            yield gauge(one.name, SIGNALS.get(one.name, one.name), rows, ("part",))
        tests = [((one.name[3:],), one.value) for one in found.signals if one.name.startswith("p: ")]
        if tests:
            yield gauge("drift_p_value", "p-value of a drift test, adjusted for all of the day", tests, ("test",))
        still = {alarm.name for alarm in found.open}
        alarms = [((one.name, one.kind), float(one.name in still)) for one in found.findings]
        yield gauge("alarm", RULES_HELP, alarms, ("rule", "kind"))
        at = datetime.fromisoformat(found.at).timestamp()
        yield gauge("last_pass_timestamp_seconds", "when the last look was taken", [((), at)], ())
        yield gauge("last_pass_seconds", "how long it took", [((), found.seconds)], ())


def write_textfile(path: Path, found: PassRecord, workspace: str) -> None:
    """Writes the figures of a pass where the node exporter's textfile collector reads them; whole or not at all.

    Raises:
        JargonautError: The extra is missing, or the file cannot be written.
    """
    client = _client()
    registry = client.CollectorRegistry()
    registry.register(_Latest(lambda: found, {"workspace": workspace}))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        client.write_to_textfile(str(path), registry)
    except OSError as error:
        raise JargonautError(f"the metrics cannot be written ({error.strerror})", where=str(path)) from error


def serve(port: int, latest: Callable[[], PassRecord | None], workspace: str) -> Callable[[], None]:
    """Answers Prometheus at a port until the process ends, or until what it gives back is called.

    Raises:
        InputError: The port cannot be used.
        JargonautError: The extra is missing.
    """
    client = _client()
    registry = client.CollectorRegistry()
    registry.register(_Latest(latest, {"workspace": workspace}))
    try:
        server, thread = client.start_http_server(port, registry=registry)
    except (OSError, OverflowError) as error:
        raise InputError(f"port {port} cannot be used ({error})", where="--port") from error

    def stop() -> None:
        server.shutdown()
        server.server_close()
        thread.join()

    return stop


def _client() -> Any:
    try:
        import prometheus_client
    except ImportError as error:
        raise JargonautError(
            "metrics for Prometheus need an extra", remedy="pip install 'jargonaut[prometheus]'"
        ) from error
    return prometheus_client
