//! The sequences that a segment accounts for, exactly, however they lie. Knows no files and no events.
//!
//! In a footer they are ranges while those are few, and a bitmap in roaring's portable form otherwise.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use roaring::RoaringTreemap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::limits;

/// A set of sequences.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sequences(RoaringTreemap);

impl Eq for Sequences {}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    Ranges(Vec<(u64, u64)>),
    Bitmap(String),
}

impl Sequences {
    pub fn first(&self) -> Option<u64> {
        self.0.min()
    }

    pub fn last(&self) -> Option<u64> {
        self.0.max()
    }

    pub fn contains(&self, sequence: u64) -> bool {
        self.0.contains(sequence)
    }

    pub(crate) fn insert(&mut self, first: u64, last: u64) {
        self.0.insert_range(first..=last);
    }

    pub(crate) fn len(&self) -> u64 {
        self.0.len()
    }

    /// How many are in both.
    pub(crate) fn common(&self, other: &Sequences) -> u64 {
        self.0.intersection_len(&other.0)
    }

    pub(crate) fn merge(&mut self, other: &Sequences) {
        self.0 |= &other.0;
    }

    /// Whether each is in `others`.
    pub(crate) fn within(&self, others: &Sequences) -> bool {
        self.0.is_subset(&others.0)
    }

    /// Whether none is in `others`.
    pub(crate) fn apart(&self, others: &Sequences) -> bool {
        self.0.is_disjoint(&others.0)
    }

    /// The ranges, if they are at most `max`.
    pub(crate) fn ranges(&self, max: usize) -> Option<Vec<(u64, u64)>> {
        let mut ranges: Vec<(u64, u64)> = Vec::new();
        for (high, bitmap) in self.0.bitmaps() {
            let whole = |low: u32| u64::from(high) << 32 | u64::from(low);
            let mut lows = bitmap.iter();
            while let Some(range) = lows.next_range() {
                let (start, end) = (whole(*range.start()), whole(*range.end()));
                match ranges.last_mut() {
                    Some((_, last)) if last.checked_add(1) == Some(start) => *last = end,
                    _ => ranges.push((start, end)),
                }
                if ranges.len() > max {
                    return None;
                }
            }
        }
        Some(ranges)
    }
}

impl FromIterator<u64> for Sequences {
    fn from_iter<T: IntoIterator<Item = u64>>(sequences: T) -> Sequences {
        Sequences(sequences.into_iter().collect())
    }
}

impl Serialize for Sequences {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let written = match self.ranges(limits::FOOTER_RANGES_MAX) {
            Some(ranges) => Written::Ranges(ranges),
            None => {
                let mut bytes = Vec::with_capacity(self.0.serialized_size());
                self.0.serialize_into(&mut bytes).map_err(serde::ser::Error::custom)?;
                Written::Bitmap(STANDARD.encode(bytes))
            }
        };
        written.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Sequences {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Sequences, D::Error> {
        let mut sequences = RoaringTreemap::new();
        match Written::deserialize(deserializer)? {
            Written::Ranges(ranges) => {
                let mut count = 0_u64;
                for (first, last) in ranges {
                    count = count.saturating_add(last.saturating_sub(first));
                    if last < first || count > limits::FOOTER_SEQUENCES_MAX {
                        return Err(serde::de::Error::custom("its sequences cannot be those of a segment"));
                    }
                    sequences.insert_range(first..=last);
                }
            }
            Written::Bitmap(text) => {
                let bytes = STANDARD.decode(text).map_err(serde::de::Error::custom)?;
                sequences = RoaringTreemap::deserialize_from(bytes.as_slice()).map_err(serde::de::Error::custom)?;
            }
        }
        Ok(Sequences(sequences))
    }
}
