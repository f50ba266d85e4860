//! The catalog: every row of every table, and whether it has its checksum. SQLite may leave its own files beside it.

use std::path::Path;

use rusqlite::types::Value;

use super::{Fact, Facts};
use crate::catalog::{Catalog, Row};
use crate::error::StoreError;

pub(super) fn inspect(path: &Path) -> Result<Facts, StoreError> {
    // Opening would make one that is not there.
    std::fs::metadata(path).map_err(|e| StoreError::io("read", path, e))?;
    let (structure, tables) = Catalog::tables(path)?;
    let mut facts = Facts::default().with("structure", structure);
    for (name, rows) in tables {
        let row = |(row, holds): (Row, bool)| {
            Facts(row.into_iter().map(|(column, value)| (column, fact(column, value))).collect())
                .with("checksum_holds", holds)
        };
        facts.put(name, rows.into_iter().map(row).collect::<Vec<_>>());
    }
    Ok(facts)
}

/// The columns that are times.
const TIMES: [&str; 7] = ["created", "dropped", "time_min", "time_max", "received_max", "first_seen", "last_seen"];

fn fact(column: &str, value: Value) -> Fact {
    match value {
        Value::Null => Fact::None,
        Value::Integer(value) if TIMES.contains(&column) => Fact::Time(value),
        Value::Integer(value) => value.into(),
        Value::Real(value) => Fact::Float(value),
        Value::Text(value) => value.into(),
        Value::Blob(bytes) => format!("{} bytes", bytes.len()).into(),
    }
}
