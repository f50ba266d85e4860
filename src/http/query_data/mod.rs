//! Honeycomb's Query Data API: queries that are kept (`/1/queries`), and their answers, made beside the request and fetched when they
//! are ready (`/1/query_results`).
//!
//! The answer is that of `/api/v1/query`, in other words ([`document`]). It is made under the same limits, and kept for a while
//! ([`results`]). It must not know how questions are answered.

mod document;
mod results;

use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::{OriginalUri, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use outcrop_query::{Options, QuerySpec, check_spec};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

pub(crate) use results::Results;

use super::access::{self, Caller};
use super::honeycomb::HoneycombError;
use super::kept::history::{Ended, said};
use super::names::Names;
use super::object::Object;
use super::query::{Parsed, Spec, options};
use super::working::working;
use super::{ApiError, App};
use crate::workspace::{Content, Kind, Thing, WorkspaceError, random_id};
use document::{Document, Totals, written};
use results::Asked;

/// Queries that are kept; those that were not made again for the longest time go. Dashboards make one for every refresh.
const QUERIES: Kind = Kind { name: "honeycomb_queries", things_max: 10_000 };
/// How long a request waits for its answer: what is refused is mostly refused at once, and then the request is.
const AT_ONCE: Duration = Duration::from_millis(250);

/// A query as it is kept: what it is asked of, and the spec.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Kept {
    dataset: String,
    spec: Value,
}

/// A query, and the id by which results are asked for.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HoneycombQuery {
    id: String,
    #[serde(flatten)]
    #[schema(value_type = QuerySpec)]
    spec: Value,
}

/// Which query to answer, and with what in the answer.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HoneycombResultSpec {
    query_id: String,
    #[serde(default)]
    disable_series: bool,
    #[serde(default = "yes")]
    #[schema(default = true)]
    disable_total_by_aggregate: bool,
    #[serde(default = "yes")]
    #[schema(default = true)]
    disable_other_by_aggregate: bool,
    /// Groups of the answer, at most 10,000; as many as the query says, if it is left out.
    #[serde(default)]
    limit: Option<usize>,
}

fn yes() -> bool {
    true
}

/// What the documentation says of an answer; it is written by [`document`].
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HoneycombResult {
    id: String,
    /// Whether `data` is there; ask again, if not.
    complete: bool,
    #[schema(value_type = HoneycombQuery)]
    query: Value,
    /// `results`: `[{"data": {…}}]`, a group each; `series`: `[{"time", "data": {…}}]`, a group in a time bucket each. If they are
    /// asked for: `total_by_aggregate` and `total_by_aggregate_series`, `other_by_aggregate`. `heatmaps` as in `/api/v1/query`.
    #[schema(value_type = Option<Value>)]
    data: Option<Value>,
    /// `query_url`: the query.
    links: Value,
}

/// Keep a query, as Terraform and Grafana do before they ask for results
#[utoipa::path(
    post,
    path = "/1/queries/{dataset}",
    tag = "query",
    params(("dataset" = String, Path, description = "The dataset, or __all__")),
    request_body = QuerySpec,
    responses(
        (status = 200, description = "The same query has the same id. The 10,000 that were made last are kept", body = HoneycombQuery),
        (status = 400, body = HoneycombError),
        (status = 401, body = HoneycombError),
        (status = 403, body = HoneycombError),
        (status = 422, body = HoneycombError),
    )
)]
pub(crate) async fn create_honeycomb_query(
    State(app): State<App>,
    caller: Caller,
    Names(dataset): Names<String>,
    Spec(spec): Spec<QuerySpec>,
) -> Result<Json<HoneycombQuery>, ApiError> {
    let now = app.store.clock().now();
    check_spec(&spec, now)?;
    let spec = said(serde_json::to_value(&spec).map_err(|_| ApiError::bug("the query"))?);
    let kept = Kept { dataset: named(&dataset), spec };
    let digest = Sha256::digest(format!("{}\n{}", kept.dataset, kept.spec).as_bytes());
    let id: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let one = Some(kept.dataset.clone()).filter(|name| !access::is_all(name) && !name.contains(','));
    let body = serde_json::to_value(&kept).map_err(|_| ApiError::bug("the query"))?;
    let content = Content { dataset: one, body, time: now };
    let (creator, made) = (caller.id().to_owned(), id.clone());
    working(&app, move |w| w.remember(QUERIES, [(made, content, creator)], now)).await?;
    Ok(Json(HoneycombQuery { id, spec: kept.spec }))
}

/// Show a query that was kept
#[utoipa::path(
    get,
    path = "/1/queries/{dataset}/{id}",
    tag = "query",
    params(("dataset" = String, Path, description = "The dataset, or __all__"), ("id" = String, Path, description = "Its id")),
    responses((status = 200, body = HoneycombQuery), (status = 401, body = HoneycombError), (status = 404, body = HoneycombError))
)]
pub(crate) async fn show_honeycomb_query(
    State(app): State<App>,
    Names((dataset, id)): Names<(String, String)>,
) -> Result<Json<HoneycombQuery>, ApiError> {
    let spec = find(&app, &named(&dataset), &id).await?;
    Ok(Json(HoneycombQuery { id, spec }))
}

/// Delete a query that was kept, with the values that its filters name
#[utoipa::path(
    delete,
    path = "/1/queries/{dataset}/{id}",
    tag = "query",
    params(("dataset" = String, Path, description = "The dataset, or __all__"), ("id" = String, Path, description = "Its id")),
    responses(
        (status = 204),
        (status = 401, body = HoneycombError),
        (status = 403, body = HoneycombError),
        (status = 404, body = HoneycombError),
    )
)]
pub(crate) async fn delete_honeycomb_query(
    State(app): State<App>,
    caller: Caller,
    Names((dataset, id)): Names<(String, String)>,
) -> Result<StatusCode, ApiError> {
    let of = id.clone();
    let thing = working(&app, move |w| w.find_thing(QUERIES, &of)).await?;
    let thing = thing.ok_or_else(|| not_there("query", &id))?;
    let (revision, is_own) = (thing.revision, thing.creator == caller.id());
    if read(thing)?.dataset != named(&dataset) {
        return Err(not_there("query", &id));
    }
    // What others ask of all datasets is not for a key to take away that may not read them.
    if access::is_all(&dataset) && !is_own {
        caller.may_read_everything()?;
    }
    working(&app, move |w| w.delete_thing(QUERIES, &id, revision)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ask for the answer to a query that was kept
#[utoipa::path(
    post,
    path = "/1/query_results/{dataset}",
    tag = "query",
    description = "The answer is fetched by its id once it is complete. It is about the time at which it was asked for, and kept for an hour, \
                   unless many others come after it.",
    params(
        ("dataset" = String, Path, description = "The dataset of the query, or __all__"),
        ("strict" = Option<bool>, Query, description = "Make unknown fields an error"),
        ("timeout_seconds" = Option<u64>, Query, description = "1 to 600, default 30"),
    ),
    request_body = HoneycombResultSpec,
    responses(
        (status = 201, description = "Location says where to fetch it", body = HoneycombResult),
        (status = 400, body = HoneycombError),
        (status = 401, body = HoneycombError),
        (status = 403, body = HoneycombError),
        (status = 404, body = HoneycombError),
        (status = 422, body = HoneycombError),
        (status = 429, body = HoneycombError),
        (status = 504, body = HoneycombError),
    )
)]
pub(crate) async fn create_honeycomb_result(
    State(app): State<App>,
    caller: Caller,
    Names(dataset): Names<String>,
    options_given: Parsed<Options>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    Object(wanted): Object<HoneycombResultSpec>,
) -> Result<Response, ApiError> {
    let (dataset, options) = (named(&dataset), options(options_given)?);
    let kept = find(&app, &dataset, &wanted.query_id).await?;
    let (id, place) = (random_id()?, uri.path().trim_end_matches('/'));
    let of_query = place.replacen("/query_results/", "/queries/", 1);
    let links = json!({ "query_url": format!("{}{of_query}/{}", origin(&app, &uri, &headers), wanted.query_id) });
    let mut query = kept.clone();
    query["id"] = json!(wanted.query_id);
    let pending = json!({ "id": id, "complete": false, "query": query, "links": links });
    let question = Question {
        spec: wanted.over(kept)?,
        id: id.clone(),
        query,
        links,
        asker: caller.clone(),
        dataset: if access::is_all(&dataset) { "*".to_owned() } else { dataset.clone() },
        options,
    };
    let asked = Asked { dataset, asker: caller.id().to_owned(), at: app.store.clock().now() };
    app.results.begin(&id, asked, pending.to_string().into())?;
    let of = app.clone();
    let answering = tokio::spawn(async move { question.answer(&of).await });
    app.results.attach(&id, answering.abort_handle());
    let (of, own) = (app.clone(), id.clone());
    let mut ending = tokio::spawn(async move {
        let ended = results::ended(answering).await;
        let refused = ended.as_ref().err().cloned();
        of.results.end(&own, ended);
        refused
    });
    if let Ok(Ok(Some(refused))) = tokio::time::timeout(AT_ONCE, &mut ending).await {
        app.results.forget(&id);
        return Err(refused);
    }
    let place = HeaderValue::from_str(&format!("{place}/{id}")).map_err(|_| ApiError::bug("the result"))?;
    Ok((StatusCode::CREATED, [(header::LOCATION, place)], Json(pending)).into_response())
}

/// Fetch an answer
#[utoipa::path(
    get,
    path = "/1/query_results/{dataset}/{id}",
    tag = "query",
    params(("dataset" = String, Path, description = "The dataset of the query, or __all__"), ("id" = String, Path, description = "Its id")),
    responses(
        (status = 200, description = "Complete, or not yet", body = HoneycombResult),
        (status = 401, body = HoneycombError),
        (status = 404, description = "There is none, or it is not kept any more", body = HoneycombError),
        (status = 422, description = "The query could not be answered", body = HoneycombError),
        (status = 504, description = "The query took too long", body = HoneycombError),
    )
)]
pub(crate) async fn show_honeycomb_result(
    State(app): State<App>,
    caller: Caller,
    Names((dataset, id)): Names<(String, String)>,
) -> Result<Response, ApiError> {
    let dataset = named(&dataset);
    let found = app.results.find(&id, app.store.clock().now()).filter(|found| found.asked.dataset == dataset);
    // What was answered from all datasets is for whoever may read as much as its asker.
    let is_for =
        |asker: &str| !access::is_all(&dataset) || asker == caller.id() || caller.may_read_everything().is_ok();
    let found = found.filter(|found| is_for(&found.asked.asker)).ok_or_else(|| not_there("result", &id))?;
    let document = found.document?;
    let cache = if found.complete { "private, max-age=600" } else { "no-store" };
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, cache)];
    Ok((headers, document).into_response())
}

/// The dataset that a path means.
fn named(dataset: &str) -> String {
    if access::is_all(dataset) { "__all__".to_owned() } else { dataset.trim().to_lowercase() }
}

/// What stands before a path in the address that the request was sent to; nothing if nobody knows.
fn origin(app: &App, uri: &Uri, headers: &HeaderMap) -> String {
    let named = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let Some(host) = uri.authority().map(|authority| authority.as_str()).or(named) else { return String::new() };
    let is_public = app.public_host.as_deref().is_some_and(|public| public.eq_ignore_ascii_case(host));
    let scheme = if app.is_tls || (app.public_https && is_public) { "https" } else { "http" };
    format!("{scheme}://{host}")
}

fn not_there(what: &str, id: &str) -> ApiError {
    let what = format!("there is no {what} {id} of this dataset; make it again");
    ApiError::new(StatusCode::NOT_FOUND, "not_there", what)
}

/// The spec of a query of this dataset.
async fn find(app: &App, dataset: &str, id: &str) -> Result<Value, ApiError> {
    let of = id.to_owned();
    let thing = working(app, move |w| w.find_thing(QUERIES, &of)).await?;
    let kept = thing.map(read).transpose()?.filter(|kept| kept.dataset == dataset);
    kept.map(|kept| kept.spec).ok_or_else(|| not_there("query", id))
}

fn read(thing: Thing) -> Result<Kept, ApiError> {
    let kept: Kept = serde_json::from_value(thing.body).map_err(|error| WorkspaceError::Bug(error.to_string()))?;
    // Its dataset may have another name by now.
    Ok(Kept { dataset: thing.dataset.unwrap_or(kept.dataset), spec: kept.spec })
}

impl HoneycombResultSpec {
    /// What is asked: the query that was kept, with what this answer is to have.
    fn over(&self, kept: Value) -> Result<QuerySpec, ApiError> {
        let unreadable = |error: serde_json::Error| WorkspaceError::Bug(error.to_string());
        let spec: QuerySpec = serde_json::from_value(kept).map_err(unreadable)?;
        Ok(QuerySpec {
            disable_series: self.disable_series,
            disable_total_by_aggregate: self.disable_total_by_aggregate,
            disable_other_by_aggregate: self.disable_other_by_aggregate,
            limit: self.limit.or(spec.limit),
            ..spec
        })
    }
}

/// A result on its way.
struct Question {
    id: String,
    asker: Caller,
    dataset: String,
    spec: QuerySpec,
    options: Options,
    /// The query as it is shown.
    query: Value,
    links: Value,
}

impl Question {
    /// The whole document.
    async fn answer(self, app: &App) -> Result<Vec<u8>, ApiError> {
        let (snapshot, now, began) = (self.asker.snapshot(&app.store), app.store.clock().now(), Instant::now());
        let (options, spec, dataset) = ((&self.options).into(), &self.spec, self.dataset.as_str());
        let answer = app.engine.query(snapshot.clone(), dataset, spec, &options, now).await;
        let refused = answer.as_ref().err().map(|error| error.code);
        let ended = Ended { dataset, spec, asked: now, took: began.elapsed(), refused };
        app.history.note(&self.asker, &*app.redaction()?, &ended);
        let answer = answer?;
        let totals = match &answer.total {
            // Without groups they are what everything is anyway.
            Some(_) if !spec.disable_series && !spec.breakdowns.is_empty() => {
                let all = QuerySpec {
                    breakdowns: Vec::new(),
                    orders: Vec::new(),
                    havings: Vec::new(),
                    disable_total_by_aggregate: true,
                    ..spec.clone()
                };
                Totals::Apart(Box::new(app.engine.query(snapshot, dataset, &all, &options, now).await?))
            }
            Some(_) => Totals::Same,
            None => Totals::None,
        };
        let (breakdowns, bytes_max) = (spec.breakdowns.len(), app.results.bytes_max());
        let Question { id, query, links, .. } = self;
        let writing = tokio::task::spawn_blocking(move || {
            let document =
                Document { id: &id, query: &query, links: &links, answer: &answer, totals: &totals, breakdowns };
            written(&document, bytes_max)
        });
        writing.await.map_err(|_| ApiError::bug("the result"))?
    }
}
