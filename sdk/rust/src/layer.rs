//! The layer: turns the spans of `tracing` into units of work. Knows nothing of what becomes of them.

use std::fmt::Debug;
use std::sync::Arc;

use tracing::Subscriber;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

use crate::sender::Sender;
use crate::unit::{self, Open, Unit};
use crate::value::{Value, text};

/// Each span from `INFO` up becomes an event, and each intent. Made by `layer`.
#[derive(Debug)]
pub struct OutcropLayer {
    pub(crate) sender: Arc<Sender>,
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for OutcropLayer {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let explicit = attributes
            .parent()
            .and_then(|parent| unit_of(parent, &context))
            .map(|unit| (unit.place, unit.state.clone()));
        let Some(unit) = unit::made(attributes.metadata(), explicit, &self.sender) else { return };
        unit.with_open(|open| attributes.record(&mut Notes(open)));
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(unit);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(unit) = unit_of(id, &context) {
            unit.with_open(|open| values.record(&mut Notes(open)));
        }
    }

    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        if let Some(unit) = unit_of(id, &context) {
            unit::entered(unit);
        }
    }

    fn on_exit(&self, id: &Id, context: Context<'_, S>) {
        if let Some(unit) = unit_of(id, &context) {
            unit::exited(&unit);
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        // An intent has ended by then, and a unit ends once.
        if let Some(unit) = unit_of(&id, &context) {
            unit.finish(Vec::new(), None);
        }
    }
}

fn unit_of<S: Subscriber + for<'a> LookupSpan<'a>>(id: &Id, context: &Context<'_, S>) -> Option<Arc<Unit>> {
    context.span(id)?.extensions().get::<Arc<Unit>>().cloned()
}

/// The fields of a span as notes.
struct Notes<'a>(&'a mut Open);

impl Visit for Notes<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.note(field.name().into(), Value::Text(text(format!("{value:?}"))));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.note(field.name().into(), value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0.note(field.name().into(), value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0.note(field.name().into(), value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.note(field.name().into(), value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.0.note(field.name().into(), value.into());
    }
}
