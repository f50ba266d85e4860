//! The names of physical columns: no two values of different types ever share one.

use proptest::prelude::*;

use super::*;
use crate::event::reserved;
use crate::testing::NAMES;

fn assign(table: &mut FieldTable, field: &str, field_type: FieldType) -> String {
    table.assign(&FieldName::new(field).unwrap(), field_type).to_string()
}

#[test]
fn the_first_type_owns_the_plain_name() {
    let table = &mut FieldTable::default();
    assert_eq!(assign(table, "x", FieldType::Integer), "x");
    assert_eq!(assign(table, "x", FieldType::String), "x:string");
    assert_eq!(assign(table, "x", FieldType::Integer), "x", "for ever");
    assert_eq!(assign(table, "x", FieldType::Boolean), "x:boolean");
    assert_eq!(assign(table, "x", FieldType::Float), "x:float");
}

#[test]
fn a_taken_name_gets_more_colons() {
    let table = &mut FieldTable::default();
    assert_eq!(assign(table, "x:integer", FieldType::String), "x:integer");
    assert_eq!(assign(table, "x", FieldType::String), "x");
    assert_eq!(assign(table, "x", FieldType::Integer), "x:integer:");
    assert_eq!(assign(table, "x:integer:", FieldType::Float), "x:integer::float");
    let table = &mut FieldTable::default();
    assert_eq!(assign(table, "x", FieldType::String), "x");
    assert_eq!(assign(table, "x", FieldType::Integer), "x:integer");
    assert_eq!(assign(table, "x:integer", FieldType::String), "x:integer:string");
}

#[test]
fn the_stores_own_names_are_never_owned() {
    let table = &mut FieldTable::default();
    for name in ["timestamp", "sample_rate", "meta.sequence", "meta.received", "meta.dataset", "meta.invalid_timestamp"]
    {
        assert!(reserved::is_reserved(name));
        assert_eq!(assign(table, name, FieldType::String), format!("{name}:string"));
    }
    assert_eq!(assign(table, "Timestamp", FieldType::String), "Timestamp");
    assert_eq!(assign(table, "meta.sent.timestamp", FieldType::String), "meta.sent.timestamp");
}

proptest! {
    #[test]
    fn columns_are_unique_and_stay(wanted in prop::collection::vec((prop::sample::select(&NAMES[..]), 0..4u8), 0..60)) {
        let mut table = FieldTable::default();
        let mut columns = std::collections::HashMap::new();
        for (name, code) in wanted {
            let field_type = FieldType::from_code(code).unwrap();
            let column = assign(&mut table, name, field_type);
            prop_assert!(!reserved::is_reserved(&column));
            let owner = columns.entry(column).or_insert((name, field_type));
            prop_assert_eq!(*owner, (name, field_type));
        }
        let entries = table.iter().map(|(_, entry)| entry.types().count()).sum::<usize>();
        prop_assert_eq!(entries, columns.len());
    }
}

#[test]
fn counts_add_up() {
    let mut fields = counted(10);
    let mut more = Distinct::default();
    (5..15u64).for_each(|v| more.add(Distinct::hash_text(&v.to_string())));
    fields.count(&FieldName::new("f").unwrap(), FieldType::String, 10, (0, 5), &more);
    let entry = fields.get("f").unwrap();
    let text = entry.get(FieldType::String).unwrap();
    assert_eq!((text.events, text.first_seen, text.last_seen), (20, 0, 9));
    assert_eq!(entry.distinct.estimate(), 15);
    assert!(entry.get(FieldType::Float).is_none());
    assert!(fields.get("g").is_none());
}
