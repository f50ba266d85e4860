//! Blocks: every batch comes back, and no bytes make the decoder panic.

use proptest::prelude::*;

use crate::event::EventBatch;
use crate::testing::{START, Value, any_events, batch, event, events};
use crate::wal::block::{decode, encode, length};

fn bytes(batch: &EventBatch) -> Vec<u8> {
    let mut out = Vec::new();
    encode(batch, &mut out);
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn every_batch_comes_back(wanted in any_events(3, 1..40)) {
        let encoded = bytes(&batch(&wanted));
        prop_assert_eq!(length(&batch(&wanted)), encoded.len());
        prop_assert_eq!(events(&decode(&encoded).unwrap()), wanted);
    }

    #[test]
    fn a_part_of_a_batch_comes_back(wanted in any_events(1, 3..20), skip in 0..2usize) {
        // Slices share buffers with what they were cut from; only their own rows may be written.
        let whole = batch(&wanted);
        let columns = whole.columns().iter().filter_map(|c| {
            let values = c.values.slice(skip, wanted.len() - skip);
            let used = values.null_count() < values.len();
            used.then(|| crate::event::EventColumn { values, ..c.clone() })
        });
        let rates = whole.sample_rate().map(|r| r.slice(skip, wanted.len() - skip));
        let part = EventBatch::new(whole.timestamp().slice(skip, wanted.len() - skip), rates, columns.collect()).unwrap();
        let encoded = bytes(&part);
        prop_assert_eq!(length(&part), encoded.len());
        prop_assert_eq!(events(&decode(&encoded).unwrap()), &wanted[skip..]);
    }

    #[test]
    fn no_bytes_make_it_panic(noise in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _bad = decode(&noise);
        let _bad = decode(&[&[1, 2, 0, 0, 0, 1, 0, 0, 0], &noise[..]].concat());
    }

    #[test]
    fn no_change_makes_it_panic(
        wanted in any_events(1, 1..10),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut encoded = bytes(&batch(&wanted));
        for (at, byte) in changes {
            let at = at.index(encoded.len());
            encoded[at] = byte;
        }
        let _bad = decode(&encoded);
    }
}

#[test]
fn sparse_dense_and_empty_values_come_back() {
    let dense = |n: i64| event(START + n, &[("all", Value::Integer(n)), ("empty", Value::text(""))]);
    let mut wanted: Vec<_> = (0..100).map(dense).collect();
    wanted[57].fields.insert("once".into(), Value::Boolean(false));
    wanted[99].fields.insert("once".into(), Value::float(-0.0));
    wanted[3].rate = 7;
    assert_eq!(events(&decode(&bytes(&batch(&wanted))).unwrap()), wanted);
}

#[test]
fn a_block_that_was_cut_is_an_error() {
    let whole = bytes(&batch(&super::small(0, 3)));
    for length in 0..whole.len() {
        assert!(decode(&whole[..length]).is_err(), "{length}");
    }
    assert!(decode(&[&whole[..], &[0]].concat()).is_err());
}

#[test]
fn flipped_bits_never_panic() {
    let mut block = bytes(&batch(&super::small(0, 2)));
    for bit in 0..block.len() * 8 {
        block[bit / 8] ^= 1 << (bit % 8);
        let _bad = decode(&block);
        block[bit / 8] ^= 1 << (bit % 8);
    }
}

#[test]
fn a_flag_is_0_or_1() {
    let mut block = bytes(&batch(&super::small(0, 2)));
    assert_eq!(block[9], 0);
    block[9] = 2;
    assert!(decode(&block).is_err());
}

#[test]
fn bytes_behind_an_absent_value_are_not_written() {
    use arrow::array::StringArray;
    use arrow::buffer::{Buffer, NullBuffer, OffsetBuffer};
    let offsets = OffsetBuffer::from_lengths([1, 4, 1]);
    let nulls = NullBuffer::from(vec![true, false, true]);
    let values = StringArray::new(offsets, Buffer::from(b"ahideb"), Some(nulls));
    let field = crate::event::FieldName::new("s").unwrap();
    let column = crate::event::EventColumn {
        field,
        field_type: crate::event::FieldType::String,
        values: std::sync::Arc::new(values),
    };
    let times = arrow::array::Int64Array::from_value(START, 3);
    let encoded = bytes(&EventBatch::new(times, None, vec![column]).unwrap());
    let decoded: Vec<_> = events(&decode(&encoded).unwrap()).into_iter().map(|e| e.fields.get("s").cloned()).collect();
    assert_eq!(decoded, [Some(Value::text("a")), None, Some(Value::text("b"))]);
}
