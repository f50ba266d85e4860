//! Padding, types and the parts of a batch that are left out.

use arrow::array::{Array, AsArray};
use arrow::datatypes::Int64Type;
use outcrop_storage::event::{FieldName, FieldType};

use super::{Cell, Columns};

#[test]
fn columns_are_padded_before_between_and_after_values() {
    let mut columns = Columns::default();
    let cells = [Cell::Boolean(true), Cell::Integer(7), Cell::Float(0.5), Cell::Text("x")];
    let name = FieldName::trusted("a");
    let mut numbers = Vec::new();
    for row in 0..10 {
        if row == 2 {
            numbers = cells.iter().map(|cell| columns.open(name.clone(), cell.field_type())).collect();
        }
        if [2, 5].contains(&row) {
            for (number, cell) in numbers.iter().zip(cells) {
                columns.put(*number, cell);
            }
        }
        columns.end_row(row, 1);
    }
    assert_eq!((columns.rows(), columns.width(), columns.text_bytes()), (10, 4, 2));
    let batch = columns.finish().unwrap();
    assert!(batch.sample_rate().is_none());
    for (column, field_type) in batch.columns().iter().zip(FieldType::ALL) {
        assert_eq!(column.field_type, field_type);
        let present: Vec<usize> = (0..10).filter(|row| column.values.is_valid(*row)).collect();
        assert_eq!(present, [2, 5], "{field_type:?}");
    }
    assert_eq!(batch.columns()[1].values.as_primitive::<Int64Type>().value(5), 7);
    assert_eq!((columns.rows(), columns.width(), columns.text_bytes()), (0, 0, 0));
}

#[test]
fn sample_rates_begin_with_the_first_that_says_something() {
    let mut columns = Columns::default();
    for rate in [1, 1, 5, 1] {
        columns.end_row(0, rate);
    }
    assert_eq!(columns.finish().unwrap().sample_rate().unwrap().values(), &[1, 1, 5, 1]);
}

#[test]
fn a_batch_holds_no_room_for_values_to_come() {
    let mut columns = Columns::default();
    let number = columns.open(FieldName::trusted("a"), FieldType::Integer);
    for row in 0..1_100 {
        columns.put(number, Cell::Integer(row));
        columns.end_row(row, 1);
    }
    let batch = columns.finish().unwrap();
    let bytes = batch.columns()[0].values.get_array_memory_size();
    assert!(bytes < 1_100 * 8 + 300, "{bytes}");
    assert!(batch.columns()[0].values.nulls().is_none(), "a column that has all its values");
}
