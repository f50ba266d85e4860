//! The OpenAPI document, made of the handlers themselves.

use axum::http::header;
use axum::response::{IntoResponse, Response};
use utoipa::OpenApi;

use super::access::ROUTES;
use super::kept::{boards, history, markers, queries, redactions};
use super::{
    audit, compare, datasets, deletions, dry_runs, elasticsearch, error, events, health, honeycomb, intents, keys,
    loki, otlp, query, query_data, session, sql, tail, tasks, traces,
};

#[derive(OpenApi)]
#[openapi(
    info(title = "Outcrop", description = "Wide events in, answers out."),
    paths(
        events::accept,
        honeycomb::batch,
        honeycomb::event,
        honeycomb::firehose,
        honeycomb::auth,
        otlp::traces,
        otlp::logs,
        otlp::metrics,
        loki::push,
        elasticsearch::bulk,
        elasticsearch::bulk_to,
        query::query,
        query::rows,
        compare::compare,
        sql::sql,
        query_data::create_honeycomb_query,
        query_data::show_honeycomb_query,
        query_data::delete_honeycomb_query,
        query_data::create_honeycomb_result,
        query_data::show_honeycomb_result,
        query::datasets,
        intents::list_intents,
        intents::show_intent,
        tail::tail,
        traces::show_trace,
        traces::show_event,
        traces::show_roles,
        traces::change_roles,
        query::fields,
        query::values,
        deletions::delete_events,
        dry_runs::begin_dry_run,
        datasets::show_dataset,
        datasets::change_dataset,
        datasets::drop_dataset,
        tasks::list_tasks,
        tasks::show_task,
        tasks::cancel_task,
        keys::list_keys,
        keys::create_key,
        keys::show_key,
        keys::revoke_key,
        markers::list_markers,
        markers::create_marker,
        markers::show_marker,
        markers::change_marker,
        markers::delete_marker,
        markers::create_honeycomb_marker,
        markers::list_honeycomb_markers,
        markers::change_honeycomb_marker,
        markers::delete_honeycomb_marker,
        boards::list_boards,
        boards::create_board,
        boards::show_board,
        boards::change_board,
        boards::delete_board,
        redactions::list_redactions,
        redactions::create_redaction,
        redactions::show_redaction,
        redactions::change_redaction,
        redactions::delete_redaction,
        queries::list_queries,
        queries::create_query,
        queries::show_query,
        queries::change_query,
        queries::delete_query,
        history::list_history,
        audit::list_audit,
        session::sign_in,
        session::show_session,
        session::sign_out,
        health::version,
        health::readyz,
    ),
    components(schemas(error::ErrorBody))
)]
struct Document;

/// The document as it is served and as it stands in `docs/openapi.json`.
pub(crate) fn openapi_json() -> String {
    Document::openapi().to_pretty_json().unwrap_or_default()
}

pub(super) async fn document() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], openapi_json()).into_response()
}

/// A route as a metric label: one of ours, never what a client made up.
pub(super) fn known_route(matched: &str) -> &'static str {
    ROUTES.iter().map(|(_, route, _)| *route).find(|route| *route == matched).unwrap_or("other")
}
