// Sends with the Node clients; which, and where to, stands in the arguments: `send.mjs libhoney http://127.0.0.1:4318 name`.

const KEY = process.env.OUTCROP_COMPAT_KEY;

async function libhoney(url, name) {
  const { default: Libhoney } = await import('libhoney');
  const answers = [];
  const honey = new Libhoney({
    writeKey: KEY, dataset: name, apiHost: url, batchSizeTrigger: 40, responseCallback: (responses) => answers.push(...responses),
  });
  for (let at = 0; at < 100; at += 1) {
    const event = honey.newEvent();
    event.add({ at, user: { id: `u-${at % 7}` }, tags: ['a', 'b'], ms: at / 2, ok: at % 2 === 0 });
    event.sampleRate = at === 7 ? 5 : 1;
    event.sendPresampled();
  }
  await honey.flush();
  const wrong = answers.filter((answer) => answer.error || answer.status_code !== 202);
  if (answers.length !== 100 || wrong.length) throw new Error(`${answers.length} answers, wrong: ${JSON.stringify(wrong.slice(0, 3))}`);
}

async function exporters(kind, address) {
  const packages = { 'http-json': 'http', 'http-protobuf': 'proto', grpc: 'grpc' };
  const load = async (signal) => import(`@opentelemetry/exporter-${signal}-otlp-${packages[kind]}`);
  const options = (path) => ({ url: kind === 'grpc' ? address : `${address}/v1/${path}` });
  return {
    spans: new (await load('trace')).OTLPTraceExporter(options('traces')),
    logs: new (await load('logs')).OTLPLogExporter(options('logs')),
    metrics: new (await load('metrics')).OTLPMetricExporter(options('metrics')),
  };
}

async function opentelemetry(kind, address, name) {
  const { SpanKind, SpanStatusCode, context, trace } = await import('@opentelemetry/api');
  const { SeverityNumber } = await import('@opentelemetry/api-logs');
  const { resourceFromAttributes } = await import('@opentelemetry/resources');
  const { NodeTracerProvider } = await import('@opentelemetry/sdk-trace-node');
  const { BatchSpanProcessor } = await import('@opentelemetry/sdk-trace-base');
  const { BatchLogRecordProcessor, LoggerProvider } = await import('@opentelemetry/sdk-logs');
  const { MeterProvider, PeriodicExportingMetricReader } = await import('@opentelemetry/sdk-metrics');

  const out = await exporters(kind, address);
  const resource = resourceFromAttributes({ 'service.name': name, build: 'b-1' });
  const tracing = new NodeTracerProvider({ resource, spanProcessors: [new BatchSpanProcessor(out.spans)] });
  const logging = new LoggerProvider({ resource, processors: [new BatchLogRecordProcessor({ exporter: out.logs })] });
  const metering = new MeterProvider({ resource, readers: [new PeriodicExportingMetricReader({ exporter: out.metrics, exportIntervalMillis: 60_000_000 })] });

  const tracer = tracing.getTracer('compat', '1.0');
  const attributes = { 'user.id': 'u-17', items: 3, price: 9.5, paid: true, tags: ['a', 'b'] };
  const span = tracer.startSpan('checkout', { kind: SpanKind.SERVER, attributes });
  const inside = trace.setSpan(context.active(), span);
  span.addEvent('reserved', { attempt: 2 });
  const linked = { traceId: 'abc'.padStart(32, '0'), spanId: 'def'.padStart(16, '0'), traceFlags: 1 };
  tracer.startSpan('charge', { kind: SpanKind.CLIENT, links: [{ context: linked, attributes: { why: 'retry' } }] }, inside).end();
  span.recordException(new Error('no stock'));
  span.setStatus({ code: SpanStatusCode.ERROR, message: 'no stock' });
  logging.getLogger('compat').emit({ context: inside, severityNumber: SeverityNumber.WARN, severityText: 'WARN', body: 'low stock', attributes: { sku: 's-1' } });
  span.end();

  const meter = metering.getMeter('compat');
  meter.createCounter('orders').add(5, { region: 'eu' });
  meter.createGauge('queue').record(7);
  const histogram = meter.createHistogram('latency');
  for (const value of [1, 2, 3]) histogram.record(value);
  for (const provider of [tracing, logging]) {
    await provider.forceFlush();
    await provider.shutdown();
  }
  // Sends what was counted; after a flush it would send it once more.
  await metering.shutdown();
}

async function elasticsearch(url, name) {
  const { Client } = await import('@elastic/elasticsearch');
  const client = new Client({ node: url, compression: true, auth: { apiKey: { id: 'any', api_key: KEY } } });
  const about = await client.info();
  if (!about.version.number.startsWith('8')) throw new Error(JSON.stringify(about));
  const documents = Array.from({ length: 100 }, (_, at) => ({ at, user: { id: 'u' } }));
  const done = await client.helpers.bulk({ datasource: documents, onDocument: () => ({ create: { _index: `${name}-2026.11.20` } }) });
  if (done.successful !== 100 || done.failed) throw new Error(JSON.stringify(done));
  await client.close();
}

async function loki(url, name) {
  const { default: winston } = await import('winston');
  const { default: LokiTransport } = await import('winston-loki');
  const problems = [];
  // Protobuf in snappy is what it sends unless told otherwise.
  const transport = new LokiTransport({ host: url, labels: { app: name }, basicAuth: `any:${KEY}`, interval: 1, onConnectionError: (error) => problems.push(error) });
  const logger = winston.createLogger({ transports: [transport] });
  for (let at = 0; at < 20; at += 1) logger.info(`line ${at}`);
  await transport.flush();
  logger.close();
  if (problems.length) throw problems[0];
}

const [what, ...rest] = process.argv.slice(2);
await { libhoney, opentelemetry, elasticsearch, loki }[what](...rest);
process.exit(0);
