//! Rules of redaction: what must not be kept. They hold for the next request; what is stored already stays as it is.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use super::{Kept, ListOptions, Made, MadeList, check_text, routes};
use crate::http::access::Caller;
use crate::http::error::ErrorBody;
use crate::http::names::Names;
use crate::http::object::Object;
use crate::http::query::{Parsed, options};
use crate::http::{ApiError, App, kept};
use crate::redactions::RedactionRule;
use crate::workspace::{Kind, REDACTIONS};

const DESCRIPTION_BYTES_MAX: usize = 2_000;

impl Kept for RedactionRule {
    // Fewer than can be followed together, since the standard ones come after them.
    const KIND: Kind = Kind { name: REDACTIONS, things_max: 90 };

    fn check(&mut self, _: i64) -> Result<(), String> {
        check_text("description", &self.description, 0..=DESCRIPTION_BYTES_MAX)
    }

    fn suits(&self, app: &App) -> Result<(), String> {
        app.redactions.check(std::slice::from_ref(self)).map_err(|error| error.to_string())
    }

    fn datasets(&self) -> Vec<&str> {
        Vec::new()
    }
}

routes!(
    RedactionRule,
    "redactions",
    "/api/v1/redactions",
    "/api/v1/redactions/{id}",
    list_redactions,
    create_redaction,
    show_redaction,
    change_redaction,
    delete_redaction
);
