//! Fields of a table: codes, bins, and what is too much.

use super::*;

fn rows(count: usize) -> Vec<Row> {
    let cell = |at: usize| if at.is_multiple_of(2) { Cell::Selected } else { Cell::Rest };
    (0..count).map(|at| Row { cell: cell(at), weight: 1.0, gain: 1.0 }).collect()
}

fn built(values: &[Option<EventValue>]) -> TableField {
    let mut builder = FieldBuilder::default();
    for (row, value) in values.iter().enumerate() {
        let Some(value) = value else { continue };
        let code = builder.code(value.clone());
        builder.put(row, code);
        if let Some(number) = value.number() {
            builder.put_number(row, number);
        }
    }
    builder.finish("f".into(), &rows(values.len()), Cell::Rest).unwrap()
}

fn read_back(field: &TableField, count: usize) -> Vec<Option<EventValue>> {
    let mut values = vec![None; count];
    field.each(|row, code| values[row] = Some(field.values[code as usize].clone()));
    values
}

#[test]
fn what_is_put_in_comes_out_dense_or_sparse() {
    for every in [1, 10] {
        let value = |at: i64| (at % every == 0).then_some(EventValue::Integer(at % 7));
        let values: Vec<Option<EventValue>> = (0..100).map(value).collect();
        assert_eq!(read_back(&built(&values), 100), values);
    }
    assert!(FieldBuilder::default().finish("f".into(), &rows(3), Cell::Rest).is_none());
}

#[test]
fn bins_are_of_equal_weight_and_cut_at_values() {
    let field = built(&(0..3_200).map(|at| Some(EventValue::Integer(at))).collect::<Vec<_>>());
    let bins = field.bins.as_ref().unwrap();
    assert_eq!(bins.count(), BINS);
    let mut counts = vec![0; bins.count()];
    bins.each(|row, bin| {
        assert_eq!(bin, bin_of(&bins.edges, row as f64));
        counts[bin as usize] += 1;
    });
    assert!(counts.iter().all(|count| (98..=102).contains(count)), "{counts:?}");
    assert_eq!((bins.least, bins.greatest), (0.0, 3_199.0));
}

#[test]
fn a_value_that_fills_bins_has_one_of_its_own() {
    let number = |at: i64| Some(EventValue::Integer(if at % 2 == 0 || at % 3 == 0 { 50 } else { at % 97 }));
    let field = built(&(0..3_000).map(number).collect::<Vec<_>>());
    let edges = &field.bins.as_ref().unwrap().edges;
    assert!(edges.contains(&50.0) || edges.contains(&49.0), "{edges:?}");
    assert!(edges.contains(&51.0), "{edges:?}");
}

#[test]
fn two_numbers_have_no_bins() {
    assert!(built(&[Some(EventValue::Integer(1)), Some(EventValue::Integer(2))]).bins.is_none());
}

#[test]
fn values_beyond_the_bound_are_there_and_not_told_apart() {
    let count = VALUES_MAX + 10;
    let field = built(&(0..count as i64).map(|at| Some(EventValue::Text(at.to_string().into()))).collect::<Vec<_>>());
    assert_eq!((field.values.len(), field.variety()), (VALUES_MAX, usize::MAX));
    let mut others = 0;
    field.each(|_, code| others += usize::from(code == OTHER));
    assert_eq!(others, 10);
}

#[test]
fn what_is_known_beforehand_is_kept() {
    let given = [EventValue::Integer(5)];
    let mut builder = FieldBuilder::known(&given, Some(vec![3.0].into()), true);
    for (row, value) in [5i64, 2, 7].into_iter().enumerate() {
        let code = builder.code(EventValue::Integer(value));
        builder.put(row, code);
        builder.put_number(row, value as f64);
    }
    let field = builder.finish("f".into(), &rows(3), Cell::Rest).unwrap();
    let mut codes = Vec::new();
    field.each(|_, code| codes.push(code));
    assert_eq!(codes, [0, OTHER, OTHER]);
    let mut bins = Vec::new();
    field.bins.unwrap().each(|_, bin| bins.push(bin));
    assert_eq!(bins, [1, 0, 1]);
}
