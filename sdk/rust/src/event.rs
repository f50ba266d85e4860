//! Events: what docs/intent.md says of a unit of work, of a declared intent and of dropped events, as plain fields.

use serde_json::{Map, Value as Json};

use crate::intent::Intent;
use crate::unit::{Ended, What, now_nanoseconds};
use crate::value;

pub(crate) type Event = Map<String, Json>;

/// A unit of work. What the code noted goes over the constants and under what the SDK measured.
pub(crate) fn of_unit(ended: Ended, constants: &Event) -> Event {
    let Ended { unit, gathered, failure, nanoseconds, rate } = ended;
    let mut event = constants.clone();
    for (name, value) in gathered.fields {
        event.insert(value::name(&name), value.into_json());
    }
    let mut set = |name: &str, value: Json| drop(event.insert(name.to_owned(), value));
    set("name", unit.what.name().into());
    set("timestamp", unit.time_nanoseconds.into());
    set("duration_ms", (nanoseconds as f64 / 1e6).into());
    set("sample_rate", rate.into());
    set("trace.trace_id", format!("{:032x}", unit.place.trace_id).into());
    set("trace.span_id", format!("{:016x}", unit.place.span_id).into());
    set("trace.parent_id", unit.parent_id.map(|id| format!("{id:016x}")).into());
    set("error", failure.is_some().into());
    set("error.type", failure.as_ref().map(|f| f.kind.as_str()).into());
    set("exception.message", failure.as_ref().map(|f| f.message.as_str()).filter(|m| !m.is_empty()).into());
    set("exception.stacktrace", Json::Null);
    set("telemetry.fields_dropped", Some(gathered.left_out).filter(|n| *n > 0).into());
    match unit.what {
        What::Intent(intent) => {
            let unchecked: Vec<&str> =
                intent.expects.iter().copied().filter(|name| !gathered.checked.iter().any(|c| c == name)).collect();
            set("intent.met", gathered.unmet.is_empty().into());
            set("intent.unmet", list(&gathered.unmet.iter().map(AsRef::as_ref).collect::<Vec<_>>()));
            set("intent.unchecked", list(&unchecked));
            declaration(&mut event, intent);
        }
        What::Span(metadata) => {
            set("code.function.name", metadata.module_path().into());
            set("code.file.path", metadata.file().into());
            set("code.line.number", metadata.line().into());
        }
    }
    event
}

fn list(names: &[&str]) -> Json {
    if names.is_empty() { Json::Null } else { names.join("; ").into() }
}

fn declaration(event: &mut Event, intent: &Intent) {
    let some = |text: &str| Some(text).filter(|t| !t.is_empty()).into();
    event.insert("intent.name".to_owned(), intent.name.into());
    event.insert("intent.text".to_owned(), intent.text.into());
    event.insert("intent.owner".to_owned(), some(intent.owner));
    event.insert("code.function.name".to_owned(), some(intent.function));
    event.insert("code.file.path".to_owned(), intent.file.into());
    event.insert("code.line.number".to_owned(), intent.line.into());
}

/// A declared intent, exercised or not.
pub(crate) fn of_intent(intent: &Intent, constants: &Event) -> Event {
    let mut event = constants.clone();
    declaration(&mut event, intent);
    event.insert("name".to_owned(), "intent.declared".into());
    event.insert("timestamp".to_owned(), now_nanoseconds().into());
    event.insert("sample_rate".to_owned(), 1.into());
    event.insert("intent.declared".to_owned(), true.into());
    event.insert("intent.expectations".to_owned(), intent.expectations().into());
    event
}

/// Events that never arrived.
pub(crate) fn of_dropped(count: u64, reason: &str, constants: &Event) -> Event {
    let mut event = constants.clone();
    event.insert("name".to_owned(), "events.dropped".into());
    event.insert("timestamp".to_owned(), now_nanoseconds().into());
    event.insert("sample_rate".to_owned(), 1.into());
    event.insert("dropped.events".to_owned(), count.into());
    event.insert("dropped.reason".to_owned(), reason.into());
    event
}
