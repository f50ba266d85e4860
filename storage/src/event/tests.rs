//! Names and batches keep their invariants.

use proptest::prelude::*;

use super::*;
use crate::testing::{any_events, batch, events};

#[test]
fn field_names_have_bounds() {
    for good in ["a", "A b", "ünï", "a.b", &"x".repeat(256), "meta.sequence"] {
        assert_eq!(FieldName::new(good).unwrap().as_str(), good);
    }
    assert_eq!(FieldName::new(""), Err(InvalidName::FieldLength(0)));
    assert_eq!(FieldName::new(&"é".repeat(129)), Err(InvalidName::FieldLength(258)));
    for bad in ["a\nb", "\0", "a\u{7f}", "a\u{85}"] {
        assert_eq!(FieldName::new(bad), Err(InvalidName::FieldControl));
    }
}

#[test]
fn dataset_names_are_trimmed_and_lower_case() {
    for (sent, kept) in [(" Shop ", "shop"), ("ÜNÏ", "ünï"), ("a b", "a b"), ("a-b_c.d", "a-b_c.d")] {
        let name = DatasetName::new(sent).unwrap();
        assert_eq!(name.as_str(), kept);
        assert_eq!(DatasetName::new(kept).unwrap(), name);
    }
    assert_eq!(DatasetName::new("  "), Err(InvalidName::DatasetLength(0)));
    assert_eq!(DatasetName::new(&"x".repeat(129)), Err(InvalidName::DatasetLength(129)));
    for bad in [',', '*', '/', '\\', '\u{1}'] {
        assert_eq!(DatasetName::new(&format!("a{bad}b")), Err(InvalidName::DatasetCharacter(bad)));
    }
}

#[test]
fn types_have_codes_and_labels() {
    for field_type in FieldType::ALL {
        assert_eq!(FieldType::from_code(field_type as u8), Some(field_type));
        assert_eq!(FieldType::from_label(field_type.label()), Some(field_type));
    }
    assert_eq!((FieldType::from_code(4), FieldType::from_label("number")), (None, None));
}

#[test]
fn batches_that_break_an_invariant_are_refused() {
    let times = |values: &[i64]| Int64Array::from(values.to_vec());
    let column = |name: &str, values: Vec<Option<i64>>| EventColumn {
        field: FieldName::new(name).unwrap(),
        field_type: FieldType::Integer,
        values: Arc::new(Int64Array::from(values)),
    };
    let refused = |times: Int64Array, rates: Option<Vec<u32>>, columns: Vec<EventColumn>| {
        EventBatch::new(times, rates.map(UInt32Array::from), columns).is_err()
    };
    assert!(!refused(times(&[0, 1]), Some(vec![1, 2]), vec![column("a", vec![Some(1), None])]));
    assert!(refused(times(&[-1]), None, vec![]));
    assert!(refused(Int64Array::from(vec![None]), None, vec![]));
    assert!(refused(times(&[0]), Some(vec![0]), vec![]));
    assert!(refused(times(&[0]), Some(vec![1, 1]), vec![]));
    assert!(refused(times(&[0]), None, vec![column("a", vec![None])]));
    assert!(refused(times(&[0]), None, vec![column("a", vec![Some(1), Some(2)])]));
    assert!(refused(times(&[0]), None, vec![column("a", vec![Some(1)]), column("a", vec![Some(1)])]));
    let wrong = EventColumn { field_type: FieldType::Float, ..column("a", vec![Some(1)]) };
    assert!(refused(times(&[0]), None, vec![wrong]));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn joined_batches_hold_the_events_of_all(parts in prop::collection::vec(any_events(2, 1..8), 1..8)) {
        let batches: Vec<EventBatch> = parts.iter().map(|events| batch(events)).collect();
        let joined = EventBatch::join(&batches).unwrap();
        prop_assert_eq!(EventBatch::joinable(batches.iter()), batches.len());
        prop_assert_eq!(joined.sample_rate().is_some(), parts.iter().flatten().any(|e| e.rate > 1));
        prop_assert_eq!(events(&joined), parts.concat());
    }
}
