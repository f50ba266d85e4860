//! Boards: panels on a grid that are looked at together.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use outcrop_query::{FilterCombination, FilterSpec, QuerySpec};
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
use crate::times::Moment;
use crate::workspace::Kind;

const NAME_BYTES_MAX: usize = 200;
const DESCRIPTION_BYTES_MAX: usize = 10_000;
const WORD_BYTES_MAX: usize = 64;
/// More is no board that anybody looks at.
const PANELS_MAX: usize = 100;
const FILTERS_MAX: usize = 100;
/// Columns of the grid.
const COLUMNS: u32 = 12;
/// Rows of the grid.
const ROWS_MAX: u32 = 1_000;

/// Panels on a grid of 12 columns, with a time and filters for all of them.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Board {
    name: String,
    #[serde(default)]
    description: String,
    /// Seconds up to now, or from the start or up to the end that is given.
    #[serde(default)]
    time_range: Option<u64>,
    #[serde(default)]
    start_time: Option<Moment>,
    #[serde(default)]
    end_time: Option<Moment>,
    /// Of all panels.
    #[serde(default)]
    filters: Vec<FilterSpec>,
    #[serde(default)]
    filter_combination: FilterCombination,
    #[serde(default)]
    panels: Vec<Panel>,
}

/// A place on a board, and one of a query, an intent or a text in it.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Panel {
    /// The panel's own, unique on its board.
    id: String,
    #[serde(default)]
    title: String,
    x: u32,
    y: u32,
    width: u32,
    height: u32,
    /// How it is shown, such as `lines`, `heatmap`, `number`, `table`; what there is is the console's matter.
    #[serde(default)]
    view: Option<String>,
    /// What the query or intent is asked of; null for all datasets.
    #[serde(default)]
    dataset: Option<String>,
    #[serde(default)]
    #[schema(value_type = Option<QuerySpec>)]
    spec: Option<Value>,
    /// The name of an intent.
    #[serde(default)]
    intent: Option<String>,
    #[serde(default)]
    text: Option<String>,
}

impl Panel {
    fn check(&self) -> Result<(), String> {
        let what = |key: &str| format!("panel {:?}: {key}", self.id);
        check_text("the id of a panel", &self.id, 1..=WORD_BYTES_MAX)?;
        check_text(&what("title"), &self.title, 0..=NAME_BYTES_MAX)?;
        check_optional(&what("view"), self.view.as_deref(), WORD_BYTES_MAX)?;
        check_optional(&what("intent"), self.intent.as_deref(), NAME_BYTES_MAX)?;
        check_optional(&what("text"), self.text.as_deref(), DESCRIPTION_BYTES_MAX)?;
        let fits = |at: u32, length: u32, max: u32| length > 0 && at.checked_add(length).is_some_and(|end| end <= max);
        if !fits(self.x, self.width, COLUMNS) || !fits(self.y, self.height, ROWS_MAX) {
            return Err(what(&format!("it must lie within {COLUMNS} columns and {ROWS_MAX} rows, and have a size")));
        }
        let contents = [self.spec.is_some(), self.intent.is_some(), self.text.is_some()];
        if contents.iter().filter(|there| **there).count() != 1 {
            return Err(what("give one of spec, intent and text"));
        }
        self.spec.as_ref().map_or(Ok(()), |spec| check_spec(&what("spec"), spec))
    }
}

impl Kept for Board {
    const KIND: Kind = Kind { name: "boards", things_max: 1_000 };

    fn check(&mut self, _: i64) -> Result<(), String> {
        check_text("name", &self.name, 1..=NAME_BYTES_MAX)?;
        check_text("description", &self.description, 0..=DESCRIPTION_BYTES_MAX)?;
        if self.panels.len() > PANELS_MAX || self.filters.len() > FILTERS_MAX {
            return Err(format!("a board has at most {PANELS_MAX} panels and {FILTERS_MAX} filters"));
        }
        if self.time_range == Some(0) {
            return Err("time_range must be a positive number of seconds".to_owned());
        }
        if let (Some(start), Some(end)) = (self.start_time, self.end_time)
            && (start.0 >= end.0 || self.time_range.is_some())
        {
            return Err("start_time must be before end_time, and time_range goes with one of them at most".to_owned());
        }
        for (at, panel) in self.panels.iter().enumerate() {
            panel.check()?;
            if self.panels[..at].iter().any(|other| other.id == panel.id) {
                return Err(format!("two panels have the id {:?}; give one of them another", panel.id));
            }
        }
        let filters = serde_json::json!({ "filters": self.filters });
        check_spec("filters", &filters)
    }

    fn datasets(&self) -> Vec<&str> {
        let mut datasets: Vec<&str> = self.panels.iter().filter_map(|panel| panel.dataset.as_deref()).collect();
        datasets.sort_unstable();
        datasets.dedup();
        datasets
    }
}

routes!(
    Board,
    "boards",
    "/api/v1/boards",
    "/api/v1/boards/{id}",
    list_boards,
    create_board,
    show_board,
    change_board,
    delete_board
);
