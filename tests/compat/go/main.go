// Sends with OpenTelemetry for Go; how, and where to, stands in the arguments: `send http 127.0.0.1:4318 name`.
package main

import (
	"context"
	"errors"
	"log"
	"os"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploggrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploghttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetricgrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	apilog "go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/metric"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// must ends the program on an error.
func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}

func send(kind, address, name string) {
	ctx := context.Background()
	var spans sdktrace.SpanExporter
	var logs sdklog.Exporter
	var metrics sdkmetric.Exporter
	if kind == "http" {
		spans = must(otlptracehttp.New(ctx, otlptracehttp.WithEndpoint(address), otlptracehttp.WithInsecure(), otlptracehttp.WithCompression(otlptracehttp.GzipCompression)))
		logs = must(otlploghttp.New(ctx, otlploghttp.WithEndpoint(address), otlploghttp.WithInsecure()))
		metrics = must(otlpmetrichttp.New(ctx, otlpmetrichttp.WithEndpoint(address), otlpmetrichttp.WithInsecure()))
	} else {
		spans = must(otlptracegrpc.New(ctx, otlptracegrpc.WithEndpoint(address), otlptracegrpc.WithInsecure(), otlptracegrpc.WithCompressor("gzip")))
		logs = must(otlploggrpc.New(ctx, otlploggrpc.WithEndpoint(address), otlploggrpc.WithInsecure()))
		metrics = must(otlpmetricgrpc.New(ctx, otlpmetricgrpc.WithEndpoint(address), otlpmetricgrpc.WithInsecure()))
	}
	about := resource.NewSchemaless(attribute.String("service.name", name), attribute.String("build", "b-1"))
	tracing := sdktrace.NewTracerProvider(sdktrace.WithBatcher(spans), sdktrace.WithResource(about))
	logging := sdklog.NewLoggerProvider(sdklog.WithProcessor(sdklog.NewBatchProcessor(logs)), sdklog.WithResource(about))
	metering := sdkmetric.NewMeterProvider(sdkmetric.WithReader(sdkmetric.NewPeriodicReader(metrics)), sdkmetric.WithResource(about))

	tracer := tracing.Tracer("compat", trace.WithInstrumentationVersion("1.0"))
	inside, span := tracer.Start(ctx, "checkout", trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(
		attribute.String("user.id", "u-17"), attribute.Int("items", 3), attribute.Float64("price", 9.5),
		attribute.Bool("paid", true), attribute.StringSlice("tags", []string{"a", "b"})))
	span.AddEvent("reserved", trace.WithAttributes(attribute.Int("attempt", 2)))
	linked := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{14: 0x0a, 15: 0xbc}, SpanID: trace.SpanID{6: 0x0d, 7: 0xef}, TraceFlags: 1})
	_, child := tracer.Start(inside, "charge", trace.WithSpanKind(trace.SpanKindClient),
		trace.WithLinks(trace.Link{SpanContext: linked, Attributes: []attribute.KeyValue{attribute.String("why", "retry")}}))
	child.End()
	span.RecordError(errors.New("no stock"))
	span.SetStatus(codes.Error, "no stock")
	var record apilog.Record
	record.SetTimestamp(time.Now())
	record.SetSeverity(apilog.SeverityWarn)
	record.SetSeverityText("WARN")
	record.SetBody(attribute.StringValue("low stock"))
	record.AddAttributes(attribute.String("sku", "s-1"))
	logging.Logger("compat").Emit(inside, record)
	span.End()

	meter := metering.Meter("compat")
	must(meter.Int64Counter("orders")).Add(ctx, 5, metric.WithAttributes(attribute.String("region", "eu")))
	must(meter.Int64Gauge("queue")).Record(ctx, 7)
	histogram := must(meter.Float64Histogram("latency"))
	for _, value := range []float64{1, 2, 3} {
		histogram.Record(ctx, value)
	}
	for _, shutdown := range []func(context.Context) error{tracing.Shutdown, logging.Shutdown, metering.Shutdown} {
		if err := shutdown(ctx); err != nil {
			log.Fatal(err)
		}
	}
}

func main() {
	send(os.Args[1], os.Args[2], os.Args[3])
}
