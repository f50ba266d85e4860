//! Staging, rolling back and closing batches; the meaning of events as a whole is in the crate's tests.

use outcrop_storage::event::DatasetName;

use super::{Rows, SpecialNames, TooManyFields, Value};
use crate::Context;
use crate::error::DecodeError;
use crate::limits::{Bounds, Limits};
use crate::tests::memory;

/// Batches as (rows, columns) of events that each have these many fields with names of their own, beside a common one.
fn batches(fresh: &[usize], bounds: Bounds) -> Result<Vec<(usize, usize)>, DecodeError> {
    let dataset = DatasetName::new("tests").unwrap();
    let limits = Limits::default();
    let memory = memory();
    let context = Context { dataset: &dataset, received: 0, limits: &limits, memory: &memory, redaction: None };
    let mut rows = Rows::new(&context, bounds, SpecialNames::Consumed);
    let mut next = 0;
    for count in fresh {
        if rows.is_crowded() {
            rows.forget_names()?;
        }
        rows.begin();
        let common = rows.field("common").unwrap();
        rows.add(common, Value::Boolean(true)).unwrap();
        for _ in 0..*count {
            next += 1;
            let field = rows.field(&format!("f{next}")).unwrap();
            rows.add(field, Value::Integer(1)).unwrap();
        }
        rows.commit(b"sent")?;
    }
    Ok(rows.finish()?.batches.iter().map(|(_, batch)| (batch.rows(), batch.columns().len())).collect())
}

#[test]
fn a_batch_is_closed_before_it_has_too_many_columns_cells_bytes_or_names() {
    let bounds = Bounds { batch_columns_max: 13, ..Bounds::default() };
    assert_eq!(batches(&[3, 3, 3, 3, 30, 0], bounds).unwrap(), [(4, 13), (1, 31), (1, 1)]);
    let bounds = Bounds { batch_cells_max: 40, ..Bounds::default() };
    assert_eq!(batches(&[0; 100], bounds).unwrap(), [(40, 1), (40, 1), (20, 1)]);
    let bounds = Bounds { batch_text_bytes_max: 3, ..Bounds::default() };
    assert_eq!(batches(&[0; 3], bounds).unwrap(), [(1, 1); 3]);
    let bounds = Bounds { names_max: 7, ..Bounds::default() };
    assert_eq!(batches(&[3, 3, 3, 3], bounds).unwrap(), [(3, 10), (1, 4)]);
}

#[test]
fn a_body_with_too_many_columns_is_too_large() {
    let bounds = Bounds { batch_columns_max: 8, body_columns_max: 20, ..Bounds::default() };
    assert_eq!(batches(&[3; 5], bounds).unwrap().len(), 3);
    assert!(matches!(batches(&[3; 6], bounds), Err(DecodeError::TooLarge { .. })));
}

#[test]
fn an_event_that_is_not_committed_leaves_no_trace() {
    let dataset = DatasetName::new("tests").unwrap();
    let limits = Limits { event_fields_max: 2, ..Limits::default() };
    let memory = memory();
    let context = Context { dataset: &dataset, received: 5, limits: &limits, memory: &memory, redaction: None };
    let mut rows = Rows::new(&context, Bounds::default(), SpecialNames::Consumed);
    rows.begin();
    for (name, expected) in [("time", Ok(())), ("b", Ok(())), ("c", Err(TooManyFields))] {
        let field = rows.field(name).unwrap();
        assert_eq!(rows.add(field, Value::Integer(1)), expected);
    }
    rows.begin();
    rows.commit(b"{}").unwrap();
    let finished = rows.finish().unwrap();
    assert_eq!((finished.accepted, finished.repeated_keys), (1, 0));
    let batch = &finished.batches[0].1;
    assert_eq!((batch.timestamp().value(0), batch.columns().len()), (5, 0));
}
