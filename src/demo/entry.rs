//! The wide spans: what the gateway and the service that takes a request know about it. Must not know: other spans.

use super::fields::route;
use super::intents::SEARCH;
use super::json::{Object, Part};
use super::plan::{Span, Trace};
use super::rng::{Dice, key};
use super::story::{Kind, Pace};
use super::world::{AGENTS, FAMILY, GIVEN, NOTES, QUERIES};

pub(super) const TAX_STATEMENT: &str =
    "SELECT rate, valid_from FROM tax_rates WHERE country = $1 AND region = $2 AND product_class = $3";

pub(super) fn gateway(event: &mut Object<'_>, trace: &Trace, span: &Span, dice: &mut Dice) {
    http(event, trace, span, dice);
    client(event, trace, dice);
    event.text("tls.version", if dice.chance(0.94) { "1.3" } else { "1.2" });
    event.text("http.flavor", if dice.chance(0.7) { "2" } else { "1.1" });
    event.number("gateway.queue_us", dice.around(60.0, 0.5) as u64);
    event.flag("gateway.rate_limited", false);
}

pub(super) fn service(event: &mut Object<'_>, trace: &Trace, span: &Span, dice: &mut Dice) {
    http(event, trace, span, dice);
    client(event, trace, dice);
    customer(event, trace, dice);
    flags(event, trace, dice);
    event.flag("cache.hit", trace.cache_hit);
    event.number("retry_count", trace.retries);
    match trace.kind {
        Kind::Search => search(event, dice),
        Kind::Health => {}
        Kind::CartGet | Kind::CartAdd => cart(event, trace, dice),
        Kind::Checkout | Kind::Quote => {
            cart(event, trace, dice);
            checkout(event, trace, span, dice);
        }
    }
}

fn http(event: &mut Object<'_>, trace: &Trace, span: &Span, dice: &mut Dice) {
    let route = route(trace.kind);
    let (method, path) = route.split_once(' ').unwrap_or(("GET", route));
    event.text("http.route", route);
    event.text("http.method", method);
    event.text("http.target", path);
    event.number("http.status_code", status(trace, span, dice));
    event.number("http.request.bytes", dice.around(700.0, 0.4) as u64);
    event.number("http.response.bytes", dice.around(5_200.0, 0.5) as u64);
    event.text("http.host", if trace.device == "desktop" { "www.shop.example" } else { "api.shop.example" });
    event.parts("request.id", &[Part::Hex(key(&[trace.key, 3]), 16)]);
}

fn status(trace: &Trace, span: &Span, dice: &mut Dice) -> u64 {
    match (span.failed, trace.kind) {
        (true, _) => 500,
        (false, Kind::CartAdd) => 201,
        (false, Kind::CartGet) if key(&[trace.key, 9]).is_multiple_of(90) => 404,
        (false, _) if dice.chance(0.0004) => 429,
        (false, _) => 200,
    }
}

fn client(event: &mut Object<'_>, trace: &Trace, dice: &mut Dice) {
    let user = key(&[trace.user, 4]);
    event.text("client.country", trace.country);
    event.text("client.device", trace.device);
    event.text("http.user_agent", AGENTS[user as usize % AGENTS.len()]);
    let address =
        [Part::Text("198.51."), Part::Number(user >> 9 & 255, 1), Part::Text("."), Part::Number(user >> 20 & 255, 1)];
    event.parts("client.address", &address);
    event.text("client.language", ["en", "de", "fr", "es", "ar", "he", "ja", "zh"][(user >> 33) as usize % 8]);
    event.number("client.rtt_ms", dice.around(38.0, 0.3) as u64);
    if trace.device != "desktop" {
        event.parts("app.version", &[Part::Text("9."), Part::Number(14 - (user >> 40) % 9, 1)]);
    }
}

fn customer(event: &mut Object<'_>, trace: &Trace, dice: &mut Dice) {
    let user = key(&[trace.user, 5]);
    event.parts("user.id", &[Part::Text("u-"), Part::Number(trace.user, 6)]);
    let given = GIVEN[user as usize % GIVEN.len()];
    event.parts("customer.name", &[Part::Text(given), Part::Text(" "), Part::Text(family(user, given))]);
    event.text("customer.plan", trace.plan);
    event.text("customer.country", trace.country);
    event.number("customer.orders", key(&[trace.user, 6]) % 40);
    event.flag("customer.tax_exempt", (user >> 22).is_multiple_of(80));
    event.parts("session.id", &[Part::Text("s-"), Part::Hex(key(&[trace.user, trace.start_ns as u64 >> 40]), 12)]);
    if dice.chance(0.02) {
        event.text("customer.note", NOTES[dice.below(NOTES.len() as u64) as usize]);
    }
}

/// First and last names come from the same script.
fn family(user: u64, given: &str) -> &'static str {
    let script = |text: &str| text.chars().next().map_or(0, |first| u32::from(first) >> 8);
    let start = (user >> 16) as usize % FAMILY.len();
    let mut turn = FAMILY.iter().cycle().skip(start).take(FAMILY.len());
    turn.find(|family| script(family) == script(given)).unwrap_or(&FAMILY[start])
}

fn flags(event: &mut Object<'_>, trace: &Trace, dice: &mut Dice) {
    let user = key(&[trace.user, 7]);
    event.flag("flags.new_checkout", trace.flag);
    event.flag("flags.fast_search", user.is_multiple_of(2));
    event.flag("flags.cart_badges", (user >> 3).is_multiple_of(5));
    event.flag("flags.dark_theme", (user >> 7).is_multiple_of(3));
    event.flag("flags.one_tap_pay", (user >> 11).is_multiple_of(20));
    event.flag("flags.trace_detail", dice.chance(0.01));
}

/// Where the customer pays, in what.
pub(super) fn currency(country: &str) -> &'static str {
    match country {
        "US" => "USD",
        "GB" => "GBP",
        "IN" => "INR",
        "JP" => "JPY",
        "IE" | "DE" | "FR" | "ES" | "IT" | "NL" | "BE" | "AT" | "PT" => "EUR",
        "PL" => "PLN",
        "SE" => "SEK",
        "IL" => "ILS",
        "QA" => "QAR",
        _ => "USD",
    }
}

fn cart(event: &mut Object<'_>, trace: &Trace, dice: &mut Dice) {
    event.parts("cart.id", &[Part::Text("01JC"), Part::Hex(key(&[trace.key, 8]), 16)]);
    event.number("cart.item_count", trace.items);
    event.thousandths("cart.total", (trace.items as f64 * dice.around(21.0, 0.25) * 100.0) as u64 * 10);
    event.text("cart.currency", currency(trace.country));
    event.flag("cart.guest", dice.chance(0.18));
    event.flag("cart.gift", dice.chance(0.04));
    event.number("cart.age_s", dice.around(1_400.0, 0.6) as u64);
    if dice.chance(0.11) {
        event.parts("cart.coupon", &[Part::Text("SAVE"), Part::Number(5 * (1 + dice.below(4)), 1)]);
    }
}

fn search(event: &mut Object<'_>, dice: &mut Dice) {
    event.text("search.query", QUERIES[dice.heavy(QUERIES.len() as u64) as usize]);
    event.number("search.results", dice.heavy(4_000));
    event.number("search.page", 1 + dice.heavy(9));
    event.text("search.sort", if dice.chance(0.8) { "relevance" } else { "price" });
    event.text("search.index", "products-v9");
    event.thousandths("search.score_max", (dice.around(9.0, 0.2) * 1000.0) as u64);
    event.flag("search.personalised", dice.chance(0.55));
    SEARCH.write(event);
    event.flag("intent.met", true);
}

fn checkout(event: &mut Object<'_>, trace: &Trace, span: &Span, dice: &mut Dice) {
    let by_item = matches!(trace.pace, Pace::ItemByItem(_));
    event.text("payments.provider", trace.provider);
    event.number("tax.lookup_count", trace.lookups);
    event.flag("checkout.places_order", trace.places_order);
    event.text("checkout.step", if trace.places_order { "order" } else { "review" });
    if trace.flag {
        event.text("checkout.price_source", "rules-v2");
    }
    event.number("db.calls", 2 + trace.lookups + u64::from(trace.places_order));
    let (low, high) = if by_item { (0.80, 0.88) } else { (0.15, 0.5) };
    event.thousandths("db.duration_ms", (span.duration_us as f64 * dice.between(low, high)) as u64);
    event.text("db.statement", if by_item { TAX_STATEMENT } else { slowest_statement(dice) });
    event.text("shipping.method", if dice.chance(0.74) { "standard" } else { "express" });
    event.number("shipping.parcels", 1 + trace.items / 12);
    event.thousandths("shipping.weight_kg", (trace.items as f64 * dice.around(0.4, 0.3) * 1000.0) as u64);
    event.thousandths("fraud.score", dice.around(60.0, 0.4) as u64);
    event.text("fraud.model", "fm-12");
    event.flag("fraud.reviewed", dice.chance(0.006));
    event.text("invoice.kind", if trace.plan == "business" { "company" } else { "private" });
    event.number("checkout.revision", 1 + dice.heavy(5));
}

fn slowest_statement(dice: &mut Dice) -> &'static str {
    match dice.unit() {
        at if at < 0.882 => "SELECT … FROM carts WHERE id = $1",
        at if at < 0.913 => TAX_STATEMENT,
        _ => "SELECT … FROM sessions WHERE id = $1 AND valid_until > now()",
    }
}
