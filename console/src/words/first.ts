// How a first event is sent, way by way: text that works as it stands. Pure; the address and whether a key is needed are
// arguments.
const EXAMPLE = `{
  "service.name": "checkout",
  "http.route": "POST /checkout",
  "duration_ms": 138.4,
  "cart.item_count": 3,
  "customer.country": "IE",
  "flags.new_checkout": false
}`;
export type Way = { id: string; label: string; /** What stands above the text, dim. */ note: string; text: string };
export const KEY_WORDS = 'YOUR_KEY';
/** gRPC has a port of its own; OTLP over HTTP is what one address can name. */
const PROTOCOL = 'http/protobuf';

/** The environment in which an SDK finds this Outcrop. */
const environment = (origin: string, keyed: boolean) => `OUTCROP_URL=${origin}${keyed ? ` OUTCROP_KEY=${KEY_WORDS}` : ''}`;

export function waysOf(origin: string, keyed: boolean): Way[] {
  const header = keyed ? ` -H 'x-outcrop-key: ${KEY_WORDS}'` : '';
  const own = environment(origin, keyed);
  return [
    { id: 'curl', label: 'curl', note: '# paste into a terminal', text: `curl ${origin}/api/v1/events/shop${header} -d '${EXAMPLE}'` },
    {
      id: 'otel', label: 'OpenTelemetry', note: '# before the start of a program that has an OpenTelemetry SDK',
      text: `export OTEL_EXPORTER_OTLP_ENDPOINT=${origin}\nexport OTEL_EXPORTER_OTLP_PROTOCOL=${PROTOCOL}\nexport OTEL_SERVICE_NAME=shop${keyed ? `\nexport OTEL_EXPORTER_OTLP_HEADERS=x-outcrop-key=${KEY_WORDS}` : ''}`,
    },
    {
      id: 'rust', label: 'Rust', note: '// cargo add outcrop-sdk; this is src/main.rs',
      text: `// run with: ${own} cargo run\nuse outcrop::{expect, intent, note};\n\n#[intent("Place the order and charge once", within = "2 s")]\nfn place_order(cart: &[&str]) {\n    note!(cart.item_count = cart.len());\n    expect!(["charge-1"].len() == 1, "charged once");\n}\n\nfn main() {\n    outcrop::init("shop").expect("nobody else listens to tracing");\n    place_order(&["tea", "cups"]);\n}`,
    },
    {
      id: 'python', label: 'Python', note: '# pip install outcrop; this is shop.py',
      text: `# run with: ${own} python shop.py\nimport outcrop\n\noutcrop.init("shop")\n\n@outcrop.intent("Place the order and charge once", within="2 s")\ndef place_order(cart):\n    outcrop.note({"cart.item_count": len(cart)})\n    outcrop.expect("charged once", len({"charge-1"}) == 1)\n\nplace_order(["tea", "cups"])`,
    },
    {
      id: 'typescript', label: 'TypeScript', note: '// npm install outcrop; this is shop.mjs',
      text: `// run with: ${own} node shop.mjs\nimport { expect, init, intent, note } from "outcrop";\n\ninit("shop");\n\nconst placeOrder = intent("Place the order and charge once", { within: "2 s", name: "place_order" }, async (cart) => {\n  note({ "cart.item_count": cart.length });\n  expect("charged once", new Set(["charge-1"]).size === 1);\n});\n\nawait placeOrder(["tea", "cups"]);`,
    },
    { id: 'file', label: 'A file', note: '# NDJSON or JSON, plain, .gz or .zst', text: `outcrop send events.ndjson --dataset shop --url ${origin}${keyed ? ` --key ${KEY_WORDS}` : ''}` },
  ];
}
