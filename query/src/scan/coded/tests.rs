//! Rows pass by their code as they would by their text, and of a column without codes none are made.

use arrow::array::{Int32Array, RecordBatch, StringArray};
use datafusion::prelude::{Expr, SessionContext, col, lit};
use outcrop_storage::event::FieldName;

use super::*;
use crate::scan::predicates;
use crate::spec::TimeRange;

const ALWAYS: TimeRange = TimeRange { start: i64::MIN, end: i64::MAX };

fn region() -> ScanColumn {
    ScanColumn::Field(FieldName::new("region").unwrap(), FieldType::String)
}

fn predicate(condition: impl FnOnce(Expr) -> Expr) -> Predicate {
    let (context, column) = (SessionContext::new(), region());
    let name = col(datafusion::common::Column::from_name(column.name()));
    let all = predicates(&context.state(), &[column], ALWAYS, &[condition(name)]).unwrap();
    all.into_iter().find(|predicate| !predicate.time_range).unwrap()
}

/// What the predicate says of the texts themselves.
fn one_by_one(predicate: &Predicate, rows: &[Option<&str>]) -> Vec<bool> {
    let texts: ArrayRef = Arc::new(rows.iter().copied().collect::<arrow::array::StringViewArray>());
    let batch = RecordBatch::try_new(Arc::clone(&predicate.schema), vec![texts]).unwrap();
    let passes = predicate.passes(&batch).unwrap();
    (0..rows.len()).map(|row| passes.is_valid(row) && passes.value(row)).collect()
}

fn coded(rows: &[Option<&str>]) -> DictionaryArray<Int32Type> {
    rows.iter().copied().collect()
}

fn asked(verdicts: &mut Verdicts, predicate: &Predicate, rows: DictionaryArray<Int32Type>) -> Result<BooleanArray> {
    let array: ArrayRef = Arc::new(rows.clone());
    verdicts.of(predicate, &rows, &array)
}

#[test]
fn a_value_that_no_row_has_is_no_error() {
    let values: ArrayRef = Arc::new(StringArray::from(vec!["7", "no number"]));
    let rows = |codes: Vec<i32>| DictionaryArray::new(Int32Array::from(codes), Arc::clone(&values));
    let predicate = predicate(|c| datafusion::prelude::cast(c, DataType::Int64).gt(lit(5_i64)));
    let mut verdicts = Verdicts::default();
    let passes = asked(&mut verdicts, &predicate, rows(vec![0, 0])).unwrap();
    assert_eq!(passes.iter().collect::<Vec<_>>(), [Some(true), Some(true)]);
    assert!(asked(&mut verdicts, &predicate, rows(vec![0, 1])).is_err(), "one that a row has is");
}

#[test]
fn codes_pass_as_their_texts_do() {
    let rows = [Some("north"), None, Some("east"), Some("north"), Some(""), None, Some("west")];
    let other = [Some("west"), Some("north"), None];
    let predicates = [
        predicate(|c| c.eq(lit("north"))),
        predicate(|c| c.not_eq(lit("north"))),
        predicate(|c| c.is_null()),
        predicate(|c| c.clone().is_null().or(c.not_eq(lit("east")))),
        predicate(|c| c.in_list(vec![lit("east"), lit("")], false)),
    ];
    for predicate in predicates {
        let mut verdicts = Verdicts::default();
        // The second batch has another dictionary, in which the same codes mean other texts.
        for rows in [&rows[..], &other, &rows] {
            let passes = asked(&mut verdicts, &predicate, coded(rows)).unwrap();
            let passes: Vec<bool> = passes.iter().map(|passes| passes == Some(true)).collect();
            assert_eq!(passes, one_by_one(&predicate, rows), "{:?} of {rows:?}", predicate.expression);
        }
    }
}

#[test]
fn a_value_is_asked_of_once_a_dictionary() {
    let values: ArrayRef = Arc::new(StringArray::from(vec!["north", "east"]));
    let rows = |codes: Vec<i32>| DictionaryArray::new(Int32Array::from(codes), Arc::clone(&values));
    let predicate = predicate(|c| c.eq(lit("east")));
    let mut verdicts = Verdicts::default();
    asked(&mut verdicts, &predicate, rows(vec![0, 1])).unwrap();
    verdicts.passes = Some(vec![true, false, false]);
    let passes = asked(&mut verdicts, &predicate, rows(vec![1, 0, 0])).unwrap();
    assert_eq!(passes.iter().collect::<Vec<_>>(), [Some(false), Some(true), Some(true)]);
}

#[test]
fn the_scan_knows_no_codes() {
    let texts = [Some("north"), None, Some("east")];
    let array: ArrayRef = Arc::new(coded(&texts));
    let plain = plain(&array).unwrap();
    assert_eq!(plain.data_type(), &DataType::Utf8View);
    assert_eq!(plain.as_string_view().iter().collect::<Vec<_>>(), texts);
}
