"""Sends with the Python clients; which, and where to, stands in the arguments: `send.py libhoney http://127.0.0.1:4318 name`."""

import logging
import os
import sys
import time

KEY = os.environ["OUTCROP_COMPAT_KEY"]


def libhoney_events(url, name):
    import libhoney

    libhoney.init(writekey=KEY, dataset=name, api_host=url, sample_rate=1, max_batch_size=40)
    for at in range(100):
        event = libhoney.new_event()
        event.add({"at": at, "user": {"id": f"u-{at % 7}"}, "tags": ["a", "b"], "ms": at / 2, "ok": at % 2 == 0})
        event.sample_rate = 5 if at == 7 else 1
        event.metadata = at
        # A rate of 5 must be said, not drawn.
        event.send_presampled()
    # Closing puts a last one there, which is none, and forgets the queue.
    answers, responses = libhoney.responses(), []
    libhoney.close()
    while (response := answers.get(timeout=60)) is not None:
        responses.append(response)
    assert len(responses) == 100, len(responses)
    wrong = [response for response in responses if response["status_code"] != 202]
    assert not wrong, wrong[:3]


def exporters(kind, address):
    """Exporters of all signals over HTTP or gRPC, compressed if the kind says so."""
    transport, _, packed = kind.partition("+")
    if transport == "http":
        from opentelemetry.exporter.otlp.proto.http import Compression
        from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        compression = Compression.Gzip if packed else Compression.NoCompression
        make = lambda exporter, path: exporter(endpoint=f"{address}/v1/{path}", compression=compression)
    else:
        import grpc
        from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter
        from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

        compression = grpc.Compression.Gzip if packed else grpc.Compression.NoCompression
        make = lambda exporter, path: exporter(endpoint=address, insecure=True, compression=compression)
    return make(OTLPSpanExporter, "traces"), make(OTLPLogExporter, "logs"), make(OTLPMetricExporter, "metrics")


def opentelemetry(kind, address, name):
    from opentelemetry import trace
    from opentelemetry._logs import LogRecord, SeverityNumber
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags

    spans, logs, metrics = exporters(kind, address)
    resource = Resource.create({"service.name": name, "build": "b-1"})
    tracing = TracerProvider(resource=resource)
    tracing.add_span_processor(BatchSpanProcessor(spans))
    logging_ = LoggerProvider(resource=resource)
    logging_.add_log_record_processor(SimpleLogRecordProcessor(logs))
    metering = MeterProvider(resource=resource, metric_readers=[PeriodicExportingMetricReader(metrics, 60_000_000)])

    tracer = tracing.get_tracer("compat", "1.0")
    linked = SpanContext(trace_id=0xABC, span_id=0xDEF, is_remote=True, trace_flags=TraceFlags(1))
    attributes = {"user.id": "u-17", "items": 3, "price": 9.5, "paid": True, "tags": ["a", "b"]}
    with tracer.start_as_current_span("checkout", kind=SpanKind.SERVER, attributes=attributes) as span:
        span.add_event("reserved", {"attempt": 2})
        with tracer.start_as_current_span("charge", kind=SpanKind.CLIENT, links=[Link(linked, {"why": "retry"})]):
            pass
        try:
            raise ValueError("no stock")
        except ValueError as error:
            span.record_exception(error)
            span.set_status(Status(StatusCode.ERROR, "no stock"))
        record = LogRecord(
            timestamp=time.time_ns(),
            context=trace.set_span_in_context(span),
            severity_number=SeverityNumber.WARN,
            severity_text="WARN",
            body="low stock",
            attributes={"sku": "s-1"},
        )
        logging_.get_logger("compat").emit(record)

    meter = metering.get_meter("compat")
    meter.create_counter("orders").add(5, {"region": "eu"})
    meter.create_gauge("queue").set(7)
    histogram = meter.create_histogram("latency")
    for value in (1.0, 2.0, 3.0):
        histogram.record(value)
    for provider in (tracing, logging_):
        assert provider.force_flush(), provider
        provider.shutdown()
    # Sends what was counted; after a flush it would send it once more.
    metering.shutdown()


def elasticsearch(url, name):
    from elasticsearch import Elasticsearch
    from elasticsearch.helpers import bulk

    client = Elasticsearch(f"{url}/elasticsearch", http_compress=True, api_key=("any", KEY))
    assert client.info()["version"]["number"].startswith("8")
    documents = ({"_op_type": "create", "_index": f"{name}-2026.11.20", "at": at, "user": {"id": "u"}} for at in range(100))
    sent, errors = bulk(client, documents)
    assert (sent, errors) == (100, []), errors[:3]
    _, errors = bulk(client, [{"_op_type": "delete", "_index": name, "_id": "1"}], raise_on_error=False)
    assert len(errors) == 1, errors


def loki(url, name):
    import logging_loki

    handler = logging_loki.LokiHandler(url=f"{url}/loki/api/v1/push", tags={"app": name}, auth=("any", KEY), version="1")
    problems = []
    handler.handleError = lambda record: problems.append(sys.exc_info()[1])
    logger = logging.getLogger("compat")
    logger.propagate = False
    logger.addHandler(handler)
    for at in range(20):
        logger.error("line %s", at, extra={"tags": {"at": str(at)}})
    assert not problems, problems[:3]


if __name__ == "__main__":
    what, *arguments = sys.argv[1:]
    {"libhoney": libhoney_events, "opentelemetry": opentelemetry, "elasticsearch": elasticsearch, "loki": loki}[what](*arguments)
