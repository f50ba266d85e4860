//! What one span says: its name, what every span carries, and what belongs to its part of the work.
//! Must not know: when things happen, how a trace is laid out.

use super::entry;
use super::intents::{AUTHORIZE, PLACE_ORDER, QUOTE};
use super::json::{Object, Part};
use super::plan::{Role, Span, Trace, span_id};
use super::rng::{Dice, key};
use super::story::{Kind, Pace};
use super::world::{Build, Service, own_build};

/// Writes the span at `index` of the trace as one line.
pub(super) fn write(out: &mut Vec<u8>, trace: &Trace, index: usize, start_ns: i64) {
    let Some(span) = trace.spans.get(index) else {
        return;
    };
    let dice = &mut Dice::new(key(&[trace.key, 0xF1E1D5, index as u64]));
    let mut event = Object::open(out);
    event.time("timestamp", start_ns);
    identity(&mut event, trace, span, index);
    place(&mut event, trace, span, dice);
    effort(&mut event, trace, span, dice);
    if span.failed {
        failure(&mut event, trace, span, dice);
    }
    work(&mut event, trace, span, dice);
    event.close();
}

/// The name of the whole request, which is its route too.
pub(super) fn route(kind: Kind) -> &'static str {
    match kind {
        Kind::Checkout => "POST /checkout",
        Kind::Quote => "POST /checkout/quote",
        Kind::Search => "GET /search",
        Kind::CartGet => "GET /cart/{cart_id}",
        Kind::CartAdd => "POST /cart/{cart_id}/items",
        Kind::Health => "GET /healthz",
    }
}

fn name(trace: &Trace, span: &Span) -> &'static str {
    match span.role {
        Role::Gateway | Role::Entry | Role::Health => route(trace.kind),
        Role::Session => "session.load",
        Role::Flags => "flags.evaluate new_checkout",
        Role::PlaceOrder => "place_order",
        Role::CartGet => "cart.get",
        Role::CartSelect => "SELECT … FROM carts WHERE id = $1",
        Role::Quote => "pricing.quote",
        Role::Rules => "rules.load rules-v2",
        Role::TaxLookup => "tax.lookup",
        Role::TaxSelect => "SELECT rate, valid_from FROM tax_rates",
        Role::Discounts => "discounts.apply",
        Role::Authorize => "payments.authorize",
        Role::Attempt(_) => match trace.provider {
            "adyen" => "POST api.adyen.example/v71/payments",
            "stripe" => "POST api.stripe.example/v1/payment_intents",
            "klarna" => "POST api.klarna.example/payments/v1",
            _ => "POST api.paypal.example/v2/checkout",
        },
        Role::OrdersInsert => "orders.insert",
        Role::Reserve => "inventory.reserve",
        Role::SearchIndex => "index.query",
    }
}

fn identity(event: &mut Object<'_>, trace: &Trace, span: &Span, index: usize) {
    event.parts("trace.trace_id", &[Part::Hex(key(&[trace.key, 1]), 16), Part::Hex(key(&[trace.key, 2]), 16)]);
    event.parts("trace.span_id", &[Part::Hex(span_id(trace.key, index), 16)]);
    if let Some(parent) = span.parent {
        event.parts("trace.parent_id", &[Part::Hex(span_id(trace.key, parent), 16)]);
    }
    event.text("service.name", span.service.name());
    event.text("name", name(trace, span));
    event.text("span.kind", span_kind(span.role));
    if let Some(build) = build(trace, span.service) {
        event.text("build_id", build.id);
        event.text("service.version", build.version);
        event.text("vcs.ref.head.revision", build.sha);
    }
}

fn span_kind(role: Role) -> &'static str {
    match role {
        Role::Gateway
        | Role::Entry
        | Role::Health
        | Role::CartGet
        | Role::Quote
        | Role::TaxLookup
        | Role::Authorize
        | Role::Reserve => "server",
        Role::CartSelect | Role::TaxSelect | Role::Attempt(_) | Role::OrdersInsert | Role::SearchIndex => "client",
        _ => "internal",
    }
}

fn build(trace: &Trace, service: Service) -> Option<Build> {
    match service {
        Service::Checkout | Service::Pricing | Service::Tax => trace.build,
        Service::Payments => Some(trace.payments),
        other => own_build(other),
    }
}

fn place(event: &mut Object<'_>, trace: &Trace, span: &Span, dice: &mut Dice) {
    let zone = ["a", "b", "c"][trace.zone as usize % 3];
    let host = key(&[trace.key, span.service as u64]) % 14 + trace.zone * 14;
    event.text("region", trace.region.name());
    event.parts("cloud.availability_zone", &[Part::Text(trace.region.name()), Part::Text(zone)]);
    event.text("k8s.cluster", trace.region.cluster());
    event.parts(
        "host.name",
        &[Part::Text("ip-10-"), Part::Number(host, 1), Part::Text("-"), Part::Number(host * 7 % 250, 1)],
    );
    let pod = [Part::Text(span.service.name()), Part::Text("-"), Part::Hex(key(&[host, span.service as u64]), 8)];
    event.parts("k8s.pod.name", &pod);
    event.text("deployment.environment", "production");
    event.text("team", span.service.team());
    event.text("sdk.language", span.service.language());
    event.number("process.pid", 1 + dice.below(24));
}

fn effort(event: &mut Object<'_>, trace: &Trace, span: &Span, dice: &mut Dice) {
    event.thousandths("duration_ms", span.duration_us);
    event.flag("error", span.failed);
    // Who waits for others takes long and does no more than usual.
    let busy = span.duration_us.min(trace.work_us) as f64;
    event.thousandths("cpu_ms", (busy * dice.between(0.01, 0.12)) as u64);
    event.number("memory.allocated_kb", dice.around(480.0, 0.35) as u64);
    event.number("runtime.threads", 4 + dice.below(60));
}

fn failure(event: &mut Object<'_>, trace: &Trace, span: &Span, dice: &mut Dice) {
    let shard = dice.below(12);
    match span.role {
        Role::Attempt(_) => {
            event.text("error.kind", "provider_unavailable");
            event.parts("error.message", &[Part::Text(trace.provider), Part::Text(" answered 503: \"try again\"")]);
        }
        _ if trace.kind == Kind::Search => {
            event.text("error.kind", "index_timeout");
            event.parts(
                "error.message",
                &[Part::Text("index shard "), Part::Number(shard, 1), Part::Text(" timed out")],
            );
        }
        _ => {
            event.text("error.kind", "deadlock");
            event.parts(
                "error.message",
                &[Part::Text("deadlock on carts, shard "), Part::Number(shard, 1), Part::Text(", given up")],
            );
        }
    }
}

fn work(event: &mut Object<'_>, trace: &Trace, span: &Span, dice: &mut Dice) {
    match span.role {
        Role::Gateway => entry::gateway(event, trace, span, dice),
        Role::Entry => entry::service(event, trace, span, dice),
        Role::Health => health(event, dice),
        Role::Session => {
            event.flag("session.found", dice.chance(0.97));
            event.number("session.age_s", dice.around(900.0, 0.5) as u64);
        }
        Role::Flags => {
            event.flag("flags.new_checkout", trace.flag);
            event.number("flags.rules", 14);
        }
        Role::PlaceOrder => place_order(event, trace, span),
        Role::CartGet => {
            event.number("cart.item_count", trace.items);
            event.flag("cache.hit", trace.cache_hit);
        }
        Role::CartSelect => database(event, "SELECT … FROM carts WHERE id = $1", "carts", trace.items, dice),
        Role::Quote => quote(event, trace),
        Role::TaxLookup => tax(event, trace, dice),
        Role::TaxSelect => database(event, entry::TAX_STATEMENT, "tax", 1, dice),
        Role::Authorize => authorize(event, trace, dice),
        Role::Attempt(nth) => attempt(event, trace, span, nth),
        Role::OrdersInsert => database(event, "INSERT INTO orders (…) VALUES (…)", "orders", 1, dice),
        Role::Reserve => {
            event.number("inventory.items", trace.items);
            event.parts("inventory.warehouse", &[Part::Text("wh-"), Part::Number(dice.below(9), 2)]);
            event.flag("inventory.backorder", dice.chance(0.03));
        }
        Role::SearchIndex => {
            event.number("search.shards", 12);
            event.number("search.scanned", dice.around(9_000.0, 0.6) as u64);
        }
        Role::Rules | Role::Discounts => {
            event.text("pricing.rules", "rules-v2");
            event.number("pricing.rules_matched", dice.below(9));
        }
    }
}

fn health(event: &mut Object<'_>, dice: &mut Dice) {
    event.number("sample_rate", 10);
    event.text("http.route", route(Kind::Health));
    event.text("http.method", "GET");
    event.number("http.status_code", 200);
    event.text("http.user_agent", "kube-probe/1.31");
    event.number("http.response.bytes", 15 + dice.below(2));
}

/// What the code says it means to do, and whether it did.
fn place_order(event: &mut Object<'_>, trace: &Trace, span: &Span) {
    PLACE_ORDER.write(event);
    let late = span.duration_us > 2_000_000;
    event.flag("intent.met", !late && !trace.failed);
    if late {
        event.text("intent.unmet", "within 2 s");
    } else if trace.failed {
        event.text("intent.unmet", "no error");
    }
    event.flag("flags.new_checkout", trace.flag);
    event.number("cart.item_count", trace.items);
    event.number("order.charges", 1);
}

fn quote(event: &mut Object<'_>, trace: &Trace) {
    QUOTE.write(event);
    let by_item = matches!(trace.pace, Pace::ItemByItem(_));
    event.flag("intent.met", !by_item);
    if by_item {
        event.text("intent.unmet", "one tax lookup");
    }
    event.number("tax.lookup_count", trace.lookups);
    event.number("cart.item_count", trace.items);
    event.text("cart.currency", entry::currency(trace.country));
    event.flag("flags.new_checkout", trace.flag);
}

fn tax(event: &mut Object<'_>, trace: &Trace, dice: &mut Dice) {
    event.text("tax.country", trace.country);
    event.text("tax.provider", "own");
    event.thousandths("tax.rate", 19_000 + dice.below(5) * 1_000);
    event.flag("tax.cache_hit", !matches!(trace.pace, Pace::ItemByItem(_)) && dice.chance(0.9));
    event.parts("tax.product_class", &[Part::Text("pc-"), Part::Number(dice.heavy(240), 3)]);
}

fn authorize(event: &mut Object<'_>, trace: &Trace, dice: &mut Dice) {
    event.text("payments.provider", trace.provider);
    event.text("payments.method", if dice.chance(0.7) { "card" } else { "wallet" });
    event.text("payments.currency", entry::currency(trace.country));
    event.number("retry_count", trace.retries);
    event.flag("payments.three_d_secure", dice.chance(0.41));
    AUTHORIZE.write(event);
    event.flag("intent.met", true);
}

fn attempt(event: &mut Object<'_>, trace: &Trace, span: &Span, nth: u32) {
    event.text("payments.provider", trace.provider);
    event.number("payments.attempt", u64::from(nth));
    event.text("http.method", "POST");
    event.number("http.status_code", if span.failed { 503 } else { 200 });
    event.flag("http.keep_alive", nth == 0);
}

fn database(event: &mut Object<'_>, statement: &str, table: &str, rows: u64, dice: &mut Dice) {
    event.text("db.system", "postgresql");
    event.text("db.statement", statement);
    event.text("db.name", table);
    event.number("db.rows", rows);
    event.number("db.pool.waiting", dice.heavy(12));
    event.parts("db.host", &[Part::Text("pg-"), Part::Number(dice.below(4), 1)]);
}
