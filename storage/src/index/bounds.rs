//! The least and the greatest value of a column; of text, as much of them as fits.

use super::tally::Seen;
use crate::event::FieldType;

/// Bytes kept of a text.
pub(super) const TEXT_BYTES_MAX: usize = 32;

/// No value of the column is below the first or above the second.
#[derive(Clone, Debug, PartialEq)]
pub enum Bounds {
    Boolean(bool, bool),
    Integer(i64, i64),
    Float(f64, f64),
    /// Compared by bytes. They need not be values, nor UTF-8.
    Text(Vec<u8>, Vec<u8>),
}

/// Sees every value at least once.
#[derive(Debug, Default)]
pub(super) enum BoundsBuilder {
    #[default]
    Nothing,
    Known(Bounds),
    /// A float that is no number was seen.
    Unknown,
}

impl BoundsBuilder {
    pub(super) fn add(&mut self, field_type: FieldType, value: Seen<'_>) {
        match self {
            BoundsBuilder::Known(bounds) => {
                if !bounds.widen(value) {
                    *self = BoundsBuilder::Unknown;
                }
            }
            BoundsBuilder::Nothing => {
                *self = Bounds::of(field_type, value).map_or(BoundsBuilder::Unknown, BoundsBuilder::Known);
            }
            BoundsBuilder::Unknown => {}
        }
    }

    pub(super) fn finish(self) -> Option<Bounds> {
        let BoundsBuilder::Known(bounds) = self else { return None };
        Some(match bounds {
            Bounds::Text(least, greatest) => Bounds::Text(cut(least), cut_above(greatest)),
            // Zero has two signs; whoever compares may know one of them.
            Bounds::Float(least, greatest) => {
                Bounds::Float(if least == 0.0 { -0.0 } else { least }, if greatest == 0.0 { 0.0 } else { greatest })
            }
            other => other,
        })
    }
}

impl Bounds {
    fn of(field_type: FieldType, value: Seen<'_>) -> Option<Bounds> {
        Some(match (field_type, value) {
            (_, Seen::Text(text)) => Bounds::Text(text.to_vec(), text.to_vec()),
            (FieldType::Boolean, Seen::Bits(bits)) => Bounds::Boolean(bits != 0, bits != 0),
            (FieldType::Integer, Seen::Bits(bits)) => Bounds::Integer(bits as i64, bits as i64),
            (_, Seen::Bits(bits)) => {
                let value = f64::from_bits(bits);
                (!value.is_nan()).then_some(Bounds::Float(value, value))?
            }
        })
    }

    /// False if the value cannot be compared.
    fn widen(&mut self, value: Seen<'_>) -> bool {
        match (self, value) {
            (Bounds::Text(least, greatest), Seen::Text(text)) => {
                if text < least.as_slice() {
                    *least = text.to_vec();
                } else if text > greatest.as_slice() {
                    *greatest = text.to_vec();
                }
            }
            (Bounds::Boolean(least, greatest), Seen::Bits(bits)) => {
                (*least, *greatest) = (*least && bits != 0, *greatest || bits != 0);
            }
            (Bounds::Integer(least, greatest), Seen::Bits(bits)) => {
                (*least, *greatest) = ((bits as i64).min(*least), (bits as i64).max(*greatest));
            }
            (Bounds::Float(least, greatest), Seen::Bits(bits)) => {
                let value = f64::from_bits(bits);
                if value.is_nan() {
                    return false;
                }
                (*least, *greatest) = (value.min(*least), value.max(*greatest));
            }
            (Bounds::Text(..), Seen::Bits(_)) | (_, Seen::Text(_)) => return false,
        }
        true
    }
}

fn cut(mut text: Vec<u8>) -> Vec<u8> {
    text.truncate(TEXT_BYTES_MAX);
    text
}

/// Something at least as great. No byte of UTF-8 is 255, so that the last one can be raised.
fn cut_above(mut text: Vec<u8>) -> Vec<u8> {
    if text.len() > TEXT_BYTES_MAX {
        text.truncate(TEXT_BYTES_MAX);
        if let Some(last) = text.last_mut() {
            *last = last.saturating_add(1);
        }
    }
    text
}
