//! What the shop's code is meant to do, as its programs declare it at their start (`docs/intent.md`).
//! Must not know: when things happen, whether they hold.

use super::json::Object;
use super::world::{B36, B37, PAYMENTS_NEW, Service, own_build};

/// One declaration in the shop's code.
#[derive(Debug, Clone, Copy)]
pub(super) struct Intent {
    name: &'static str,
    text: &'static str,
    expectations: &'static str,
    file: &'static str,
    line: u64,
    service: Service,
}

pub(super) const PLACE_ORDER: Intent = Intent {
    name: "checkout.place_order",
    text: "Place the order and charge once, within 2 s",
    expectations: "charged once; within 2 s; no error; not cancelled",
    file: "checkout/src/order.rs",
    line: 118,
    service: Service::Checkout,
};
pub(super) const QUOTE: Intent = Intent {
    name: "pricing.quote",
    text: "Price the cart with one tax lookup",
    expectations: "one tax lookup; no error; not cancelled",
    file: "pricing/src/quote.rs",
    line: 41,
    service: Service::Pricing,
};
pub(super) const AUTHORIZE: Intent = Intent {
    name: "payments.authorize",
    text: "Authorise the amount at the provider",
    expectations: "authorised; no error; not cancelled",
    file: "payments/authorize.py",
    line: 77,
    service: Service::Payments,
};
pub(super) const SEARCH: Intent = Intent {
    name: "search.query",
    text: "Find what the customer means, within 1 s",
    expectations: "within 1 s; no error; not cancelled",
    file: "search/src/query.ts",
    line: 23,
    service: Service::Search,
};
/// Nobody sends an order back while the demo runs.
const REFUND: Intent = Intent {
    name: "checkout.refund",
    text: "Give the money back once, by the way it came",
    expectations: "refunded once; no error; not cancelled",
    file: "checkout/src/refund.rs",
    line: 64,
    service: Service::Checkout,
};
/// Its code went with `b-0037`.
const GIFT_WRAP: Intent = Intent {
    name: "checkout.gift_wrap",
    text: "Ask for gift paper before the parcel is packed",
    expectations: "no error; not cancelled",
    file: "checkout/src/gift.rs",
    line: 12,
    service: Service::Checkout,
};

/// What each build declares, in the order in which the builds came.
const DECLARED: [(&str, &[Intent]); 5] = [
    (B36.version, &[PLACE_ORDER, REFUND, GIFT_WRAP]),
    (B36.version, &[QUOTE]),
    (B37.version, &[PLACE_ORDER, REFUND]),
    (B37.version, &[QUOTE]),
    (PAYMENTS_NEW.version, &[AUTHORIZE]),
];

impl Intent {
    /// What every unit of its work says of it.
    pub(super) fn write(&self, event: &mut Object<'_>) {
        event.text("intent.name", self.name);
        event.text("intent.text", self.text);
        event.text("intent.owner", self.service.team());
        event.text("code.file.path", self.file);
        event.number("code.line.number", self.line);
    }

    fn declare(&self, out: &mut Vec<u8>, version: &str, at_ns: i64) {
        let mut event = Object::open(out);
        event.time("timestamp", at_ns);
        event.text("name", "intent.declared");
        event.flag("intent.declared", true);
        self.write(&mut event);
        event.text("intent.expectations", self.expectations);
        event.text("service.name", self.service.name());
        event.text("service.version", version);
        event.text("sdk.language", self.service.language());
        event.close();
    }
}

/// The register: an event for each intent that a program declares, at its start.
pub(super) fn register(at_ns: i64) -> Vec<u8> {
    let mut out = Vec::new();
    for (version, intents) in DECLARED {
        intents.iter().for_each(|intent| intent.declare(&mut out, version, at_ns));
    }
    let search = own_build(Service::Search).map_or("", |build| build.version);
    SEARCH.declare(&mut out, search, at_ns);
    out
}
