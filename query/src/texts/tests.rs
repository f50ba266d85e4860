//! Texts by number: the same from files and from memory, and an end to them.

use arrow::array::{Array, ArrayRef, AsArray, DictionaryArray, StringViewArray, UInt32Array};
use arrow::datatypes::{Int32Type, UInt16Type};
use outcrop_storage::event::FieldName;

use super::{LastDictionary, Texts};
use crate::limits;

fn texts() -> Texts {
    Texts::new(FieldName::trusted("f"))
}

fn numbers(texts: &Texts, array: ArrayRef, last: &mut LastDictionary) -> Vec<u16> {
    texts.numbers(&array, last).unwrap().as_primitive::<UInt16Type>().values().to_vec()
}

fn plain(values: &[Option<&str>]) -> ArrayRef {
    std::sync::Arc::new(values.iter().copied().collect::<StringViewArray>())
}

fn coded(values: &[Option<&str>]) -> ArrayRef {
    std::sync::Arc::new(values.iter().copied().collect::<DictionaryArray<Int32Type>>())
}

#[test]
fn one_text_has_one_number_wherever_it_comes_from() {
    let (texts, mut last) = (texts(), LastDictionary::default());
    assert_eq!(numbers(&texts, plain(&[Some("b"), Some("b"), None, Some("")]), &mut last), [1, 1, 0, 2]);
    assert_eq!(numbers(&texts, coded(&[Some("a"), None, Some("b"), Some("a")]), &mut last), [3, 0, 1, 3]);
    let other = coded(&[Some("c"), Some("a"), Some("")]);
    assert_eq!(numbers(&texts, other.slice(1, 2), &mut last), [3, 2]);
    assert_eq!(numbers(&texts, other, &mut last), [4, 3, 2]);
    let names = texts.names(&UInt32Array::from(vec![4, 0, 1, 2])).unwrap();
    assert_eq!(names.as_string_view().iter().collect::<Vec<_>>(), [Some("c"), None, Some("b"), Some("")]);
    assert!(!texts.are_too_many());
}

#[test]
fn names_are_known_that_came_after_others_were_asked_for() {
    let (texts, mut last) = (texts(), LastDictionary::default());
    numbers(&texts, plain(&[Some("a")]), &mut last);
    texts.names(&UInt32Array::from(vec![1])).unwrap();
    numbers(&texts, plain(&[Some("b")]), &mut last);
    let names = texts.names(&UInt32Array::from(vec![2])).unwrap();
    assert_eq!(names.as_string_view().value(0), "b");
}

#[test]
fn there_is_an_end_to_them() {
    let (texts, mut last) = (texts(), LastDictionary::default());
    let all: Vec<String> = (0..=u32::from(u16::MAX)).map(|at| at.to_string()).collect();
    let of = |range: std::ops::Range<usize>| plain(&all[range].iter().map(|t| Some(t.as_str())).collect::<Vec<_>>());
    let most = usize::from(u16::MAX);
    assert_eq!(numbers(&texts, of(0..most), &mut last).last(), Some(&u16::MAX));
    assert!(!texts.are_too_many());
    assert!(texts.numbers(&of(most..most + 1), &mut last).is_err() && texts.are_too_many());

    let (texts, long) = (self::texts(), "x".repeat(limits::NUMBERED_TEXTS_BYTES_MAX));
    assert!(texts.numbers(&plain(&[Some(&long)]), &mut last).is_ok());
    assert!(texts.numbers(&plain(&[Some("y")]), &mut last).is_err() && texts.are_too_many());
}
