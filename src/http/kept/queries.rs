//! Queries that somebody gave a name.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use outcrop_query::QuerySpec;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::{Kept, ListOptions, Made, MadeList, check_optional, check_spec, check_text, routes};
use crate::http::access::Caller;
use crate::http::error::ErrorBody;
use crate::http::names::Names;
use crate::http::object::Object;
use crate::http::query::{Parsed, options};
use crate::http::{ApiError, App, kept};
use crate::workspace::Kind;

const NAME_BYTES_MAX: usize = 200;
const DESCRIPTION_BYTES_MAX: usize = 10_000;
const WORD_BYTES_MAX: usize = 64;
const DATASETS_BYTES_MAX: usize = 10_000;

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SavedQuery {
    name: String,
    #[serde(default)]
    description: String,
    /// What it is asked of: a dataset, several separated by commas, or * for all.
    dataset: String,
    #[schema(value_type = QuerySpec)]
    spec: Value,
    /// How it is shown; what there is is the console's matter.
    #[serde(default)]
    view: Option<String>,
}

impl Kept for SavedQuery {
    const KIND: Kind = Kind { name: "queries", things_max: 10_000 };

    fn check(&mut self, _: i64) -> Result<(), String> {
        check_text("name", &self.name, 1..=NAME_BYTES_MAX)?;
        check_text("description", &self.description, 0..=DESCRIPTION_BYTES_MAX)?;
        check_text("dataset", &self.dataset, 1..=DATASETS_BYTES_MAX)?;
        check_optional("view", self.view.as_deref(), WORD_BYTES_MAX)?;
        check_spec("spec", &self.spec)
    }

    fn datasets(&self) -> Vec<&str> {
        vec![&self.dataset]
    }
}

routes!(
    SavedQuery,
    "queries",
    "/api/v1/queries",
    "/api/v1/queries/{id}",
    list_queries,
    create_query,
    show_query,
    change_query,
    delete_query
);
