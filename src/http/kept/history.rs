//! What was asked: by whom, when, how long it took. Whoever asks does not wait for it; it is written down within a second, and
//! not at all while too many ask at once.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use outcrop_ingest::Redaction;
use outcrop_query::QuerySpec;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use utoipa::ToSchema;

use super::{ListOptions, page};
use crate::http::access::{self, Caller};
use crate::http::error::ErrorBody;
use crate::http::query::{Parsed, options};
use crate::http::working::working;
use crate::http::{ApiError, App};
use crate::redactions::{one_dataset, redact_spec};
use crate::times::rfc3339;
use crate::workspace::{Content, Kind, Reach, Thing};

/// Different questions that are remembered; the oldest go.
const HISTORY: Kind = Kind { name: "history", things_max: 10_000 };
/// Questions that wait to be written down.
const WAITING_MAX: usize = 1_000;
/// How long they wait for one another: each time is an fsync.
const INTERVAL: Duration = Duration::from_secs(1);
/// Bytes of a spec that is remembered: longer ones are written by programs.
const SPEC_BYTES_MAX: usize = 16 << 10;

/// A question and how it ended.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) id: String,
    pub(crate) content: Content,
    pub(crate) creator: String,
}

/// A question that was asked, and how it ended.
#[derive(Debug)]
pub(in crate::http) struct Ended<'q> {
    pub(in crate::http) dataset: &'q str,
    pub(in crate::http) spec: &'q QuerySpec,
    pub(in crate::http) asked: i64,
    pub(in crate::http) took: Duration,
    /// The code of the error that it ended with.
    pub(in crate::http) refused: Option<&'q str>,
}

/// Where questions are told.
#[derive(Clone, Debug)]
pub(crate) struct History(Sender<Asked>);

impl History {
    pub(crate) fn new() -> (History, Receiver<Asked>) {
        let (tell, told) = channel(WAITING_MAX);
        (History(tell), told)
    }

    /// Remembers a question of a caller, without what must not be kept.
    pub(in crate::http) fn note(&self, caller: &Caller, redaction: &Redaction, ended: &Ended<'_>) {
        let Ended { dataset, spec, asked, took, refused } = *ended;
        let Ok(spec) = serde_json::to_value(spec) else { return };
        let mut spec = said(spec);
        redact_spec(redaction, one_dataset(dataset).as_ref(), &mut spec);
        let text = spec.to_string();
        if text.len() > SPEC_BYTES_MAX {
            return;
        }
        let who = caller.identity().map_or(Value::Null, |key| json!({ "id": key.id, "name": key.name }));
        let digest = Sha256::digest(format!("{}\n{dataset}\n{text}", caller.id()).as_bytes());
        let id: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        let body = json!({
            "dataset": dataset, "spec": spec, "who": who, "duration_ms": took.as_secs_f64() * 1e3, "refused": refused,
        });
        let dataset = Some(dataset.trim().to_lowercase()).filter(|d| !access::is_all(d) && !d.contains(','));
        let content = Content { dataset, body, time: asked };
        // Whoever asks does not wait, and memory does not grow.
        drop(self.0.try_send(Asked { id, content, creator: caller.id().to_owned() }));
    }
}

/// A spec without what it says only by default.
pub(in crate::http) fn said(spec: Value) -> Value {
    let default = serde_json::to_value(QuerySpec::default()).unwrap_or_default();
    match spec {
        Value::Object(object) => object.into_iter().filter(|(key, value)| default.get(key) != Some(value)).collect(),
        other => other,
    }
}

/// Writes down what was asked until nobody can ask any more.
pub(crate) async fn write(app: App, mut told: Receiver<Asked>) {
    let mut asked = Vec::new();
    while told.recv_many(&mut asked, WAITING_MAX).await > 0 {
        let batch = std::mem::take(&mut asked);
        let now = app.store.clock().now();
        if let Err(error) =
            working(&app, move |w| w.remember(HISTORY, batch.into_iter().map(|a| (a.id, a.content, a.creator)), now))
                .await
        {
            tracing::warn!("what was asked is not remembered: {}", error.message());
        }
        tokio::time::sleep(INTERVAL).await;
    }
}

/// A question that was asked.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HistoryEntry {
    id: String,
    /// When it was last asked.
    time: String,
    /// How often the same key asked it.
    times: i64,
    #[serde(flatten)]
    question: Question,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct Question {
    dataset: String,
    #[schema(value_type = QuerySpec)]
    spec: Value,
    /// The key; null for somebody on this machine without one.
    who: Option<Asker>,
    /// The last time.
    duration_ms: f64,
    /// The code of the error that it ended with the last time; null if it was answered.
    refused: Option<String>,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct Asker {
    id: String,
    name: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HistoryList {
    items: Vec<HistoryEntry>,
    cursor: Option<String>,
}

/// What was asked, the latest first
#[utoipa::path(
    get,
    path = "/api/v1/history",
    tag = "history",
    params(
        ("dataset" = Option<String>, Query, description = "Only questions to this dataset, and those to several"),
        ("start" = Option<String>, Query, description = "Only those from this time on: RFC 3339 or epoch seconds"),
        ("end" = Option<String>, Query, description = "Only those before this time"),
        ("q" = Option<String>, Query, description = "Only those with this text in them"),
        ("limit" = Option<usize>, Query, description = "1 to 1,000, default 100"),
        ("cursor" = Option<String>, Query, description = "From the page before"),
    ),
    responses((status = 200, body = HistoryList), (status = 400, body = ErrorBody))
)]
pub(crate) async fn list_history(
    State(app): State<App>,
    caller: Caller,
    options_given: Parsed<ListOptions>,
) -> Result<Json<HistoryList>, ApiError> {
    let search = options(options_given)?.search()?;
    let (reach, wanted) = (caller.readable(), search.clone());
    let limited = reach != Reach::All;
    let things = working(&app, move |w| w.things(HISTORY, &reach, &wanted)).await?;
    let (things, cursor) = page(things, &search);
    // What others asked of several datasets names fields of those that this key may not read.
    let seen = |thing: &&Thing| !limited || thing.dataset.is_some() || thing.creator == caller.id();
    let items = things.iter().filter(seen).filter_map(|thing| {
        let question = serde_json::from_value(thing.body.clone()).ok()?;
        Some(HistoryEntry { id: thing.id.clone(), time: rfc3339(thing.time), times: thing.revision, question })
    });
    Ok(Json(HistoryList { items: items.collect(), cursor }))
}
