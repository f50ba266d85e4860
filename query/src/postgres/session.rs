//! Statements about the session: clients set and show what PostgreSQL has, and begin transactions around reads. What they set
//! changes nothing but the deadline; every statement sees what is there when it runs.

use std::sync::Arc;

use datafusion::sql::sqlparser::ast::{Expr, Ident, Set, Statement, Value};
use datafusion_postgres::pgwire::api::Type;
use datafusion_postgres::pgwire::api::results::{DataRowEncoder, FieldFormat, FieldInfo, QueryResponse, Response, Tag};
use datafusion_postgres::pgwire::error::PgWireResult;

use crate::limits;

/// What a statement does to the session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Command {
    Begin,
    End(&'static str),
    /// Accepted, with this tag.
    Nothing(&'static str),
    /// Milliseconds that a statement may take; none for as long as any may.
    Timeout(Option<u64>),
    Show(String),
}

/// The command of a statement; none if it is a question.
pub(super) fn command(statement: &Statement) -> Option<Command> {
    Some(match statement {
        Statement::StartTransaction { .. } => Command::Begin,
        Statement::Commit { .. } => Command::End("COMMIT"),
        Statement::Rollback { .. } => Command::End("ROLLBACK"),
        Statement::Set(set) => timeout(set).unwrap_or(Command::Nothing("SET")),
        Statement::Reset { .. } => Command::Nothing("RESET"),
        Statement::Discard { .. } => Command::Nothing("DISCARD ALL"),
        Statement::Deallocate { .. } => Command::Nothing("DEALLOCATE"),
        Statement::Close { .. } => Command::Nothing("CLOSE CURSOR"),
        Statement::ShowVariable { variable } => {
            Command::Show(variable.iter().map(|part| part.value.to_lowercase()).collect::<Vec<_>>().join("_"))
        }
        _ => return None,
    })
}

fn timeout(set: &Set) -> Option<Command> {
    let Set::SingleAssignment { variable, values, .. } = set else { return None };
    if !variable.to_string().eq_ignore_ascii_case("statement_timeout") {
        return None;
    }
    let text = match values.as_slice() {
        [Expr::Value(value)] => match &value.value {
            Value::Number(number, _) => number.clone(),
            Value::SingleQuotedString(text) => text.clone(),
            _ => return None,
        },
        [Expr::Identifier(Ident { value, .. })] => value.clone(),
        _ => return None,
    };
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let number: u64 = number.parse().ok()?;
    let milliseconds = match unit.trim() {
        "" | "ms" => number,
        "s" => number.saturating_mul(1_000),
        "min" => number.saturating_mul(60_000),
        _ => return None,
    };
    Some(Command::Timeout((milliseconds > 0).then_some(milliseconds)))
}

/// Seconds that a statement may take.
pub(super) fn seconds(milliseconds: Option<u64>) -> u64 {
    milliseconds.map_or(limits::TIMEOUT_SECONDS_MAX, |ms| ms.div_ceil(1_000).clamp(1, limits::TIMEOUT_SECONDS_MAX))
}

/// What is said of a setting. Unknown ones are empty.
fn shown(name: &str) -> &'static str {
    match name {
        "server_version" => "16.6",
        "server_version_num" => "160006",
        "transaction_isolation" | "transaction_isolation_level" | "default_transaction_isolation" => "read committed",
        "timezone" | "time_zone" => "UTC",
        "server_encoding" | "client_encoding" => "UTF8",
        "datestyle" => "ISO, MDY",
        "search_path" => "public",
        "standard_conforming_strings"
        | "integer_datetimes"
        | "default_transaction_read_only"
        | "transaction_read_only" => "on",
        "max_identifier_length" => "256",
        "lc_collate" | "lc_ctype" => "C",
        _ => "",
    }
}

pub(super) fn shown_fields(name: &str) -> Vec<FieldInfo> {
    vec![FieldInfo::new(name.to_owned(), None, None, Type::TEXT, FieldFormat::Text)]
}

/// The answer to a command.
pub(super) fn response(command: &Command) -> PgWireResult<Response> {
    Ok(match command {
        Command::Begin => Response::TransactionStart(Tag::new("BEGIN")),
        Command::End(tag) => Response::TransactionEnd(Tag::new(tag)),
        Command::Nothing(tag) => Response::Execution(Tag::new(tag)),
        Command::Timeout(_) => Response::Execution(Tag::new("SET")),
        Command::Show(name) => {
            let fields = Arc::new(shown_fields(name));
            let mut row = DataRowEncoder::new(Arc::clone(&fields));
            row.encode_field(&shown(name))?;
            let row = row.take_row();
            Response::Query(QueryResponse::new(fields, futures::stream::iter([Ok(row)])))
        }
    })
}
