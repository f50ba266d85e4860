//! The contract's shapes and refusals, whatever is sent: one file a subject.
//!
//! Every refusal has a status of the contract's table and the one error shape, says what to do, and costs the server
//! little; [`refused`] checks the first two.

mod audit;
mod bodies;
mod cancellation;
mod command_line;
mod compare;
mod console;
mod damage;
mod datasets;
mod deletion;
mod demo;
mod dry_runs;
mod elasticsearch;
mod exactly_once;
mod explain;
mod exports;
mod groups;
mod grpc;
mod guards;
mod honeycomb;
mod intents;
mod kept;
mod keys;
mod lifetime;
mod lists;
mod loki;
mod operating;
mod otlp;
mod own;
mod paging;
mod postgres;
mod pressure;
mod query_data;
mod rates;
mod redaction;
mod routes;
mod saving;
mod sessions;
mod shapes;
mod specs;
mod sql;
mod syslog;
mod tail;
mod tls;
mod traces;
mod wide;

use serde_json::Value;

use crate::harness::Reply;

/// The error of an answer that must be this refusal, in the contract's shape.
fn refused(reply: &Reply, status: u16) -> Value {
    assert_eq!(reply.status, status, "{:.600}", reply.text());
    let body = reply.json();
    let error = &body["error"];
    assert!(error["code"].as_str().is_some_and(|code| !code.is_empty()), "no code in {body}");
    let message = error["message"].as_str().unwrap_or_default();
    assert!(message.len() >= 15, "the message says too little: {body}");
    assert!(error["details"].is_object(), "no details in {body}");
    assert_eq!(body.as_object().map(serde_json::Map::len), Some(1), "more than an error in {body}");
    error.clone()
}

/// The error's message, which must name this.
fn refused_naming(reply: &Reply, status: u16, named: &str) {
    let error = refused(reply, status);
    let message = error["message"].as_str().unwrap_or_default();
    assert!(message.contains(named), "{message:?} does not name {named:?}");
}
