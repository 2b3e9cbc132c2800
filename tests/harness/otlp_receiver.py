"""A receiver of OpenTelemetry metrics (OTLP over HTTP, protobuf) that keeps sums and last values."""

from __future__ import annotations

import gzip
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality, NumberDataPoint

Tags = frozenset[tuple[str, str]]


class Received:
    """What has arrived.

    Attributes:
        sums: of counters, by name and tags; deltas are added up.
        gauges: last values, by name and tags.
    """

    def __init__(self) -> None:
        self.sums: dict[tuple[str, Tags], float] = defaultdict(float)
        self.gauges: dict[tuple[str, Tags], float] = {}
        self._lock = threading.Lock()

    def add(self, request: ExportMetricsServiceRequest) -> None:
        """Take in one request."""
        metrics = (m for r in request.resource_metrics for scope in r.scope_metrics for m in scope.metrics)
        with self._lock:
            for metric in metrics:
                # What can fall again is sent cumulatively, whatever is preferred.
                for point in metric.sum.data_points if metric.sum.is_monotonic else ():
                    assert metric.sum.aggregation_temporality == AggregationTemporality.AGGREGATION_TEMPORALITY_DELTA
                    self.sums[metric.name, _tags(point)] += _value(point)
                for point in metric.gauge.data_points:
                    self.gauges[metric.name, _tags(point)] = _value(point)

    def total(self, name: str, **tags: str) -> float:
        """Return the sum of all counters of a name with some tags among theirs."""
        with self._lock:
            return sum(value for (one, found), value in self.sums.items() if one == name and tags.items() <= set(found))

    def gauge(self, name: str, **tags: str) -> float:
        """Return the last value of the gauge with exactly these tags."""
        with self._lock:
            return self.gauges[name, frozenset(tags.items())]


def _tags(point: NumberDataPoint) -> Tags:
    return frozenset((pair.key, pair.value.string_value) for pair in point.attributes)


def _value(point: NumberDataPoint) -> float:
    return float(point.as_int if point.HasField("as_int") else point.as_double)


@contextmanager
def otlp_receiver() -> Iterator[tuple[dict[str, str], Received]]:
    """Give the environment that makes Airflow send its metrics here, and what has arrived."""
    received = Received()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            if self.path == "/v1/metrics":
                received.add(ExportMetricsServiceRequest.FromString(body))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Stay silent."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield (
            {
                "AIRFLOW__METRICS__OTEL_ON": "True",
                "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{server.server_port}",
                "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": "delta",
                "OTEL_METRIC_EXPORT_INTERVAL": "5000",
            },
            received,
        )
        server.shutdown()
