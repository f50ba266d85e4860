//! The rows of what is rare in a column: of its values while they are few, and of the column itself.
//!
//! What occurs in nearly every page prunes nothing and is left to the filter; so are the values of a column that has very
//! many. Values are known by their hash: two of one hash share their rows, which is too many rows and never too few.

use roaring::RoaringBitmap;

use super::codec::Cursor;
use super::layout::Grid;
use super::tally::{ByHash, Count};
use crate::limits;

/// Different values of a column whose rows are remembered.
pub(super) const VALUES_MAX: usize = 256;
/// A value or column is rare while it has at most one row in so many: more of them, spread evenly, miss no page.
pub(super) const ROWS_PER_RARE_ROW: u32 = 2 * limits::PAGE_ROWS_MAX as u32;
const HEADER_BYTES: usize = 8;
const ENTRY_BYTES: usize = 12;

/// The rows of one value, until they are too many.
#[derive(Debug, Default)]
struct Rows(Option<Vec<u32>>);

impl Rows {
    fn none() -> Rows {
        Rows(Some(Vec::new()))
    }

    fn push(&mut self, row: u32, max: usize) {
        if let Some(rows) = &mut self.0 {
            if rows.len() < max {
                rows.push(row);
            } else {
                self.0 = None;
            }
        }
    }

    fn bitmap(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let rows = self.0.as_deref().unwrap_or_default();
        // The rows came in order and a vector can be written to: neither can fail.
        if let Ok(bitmap) = RoaringBitmap::from_sorted_iter(rows.iter().copied()) {
            let _infallible = bitmap.serialize_into(&mut bytes);
        }
        bytes
    }
}

#[derive(Debug)]
pub(super) struct PostingsBuilder {
    rows_max: usize,
    present: Rows,
    /// None: the column has too many values.
    values: Option<(ByHash<u32>, Vec<Rows>)>,
}

impl PostingsBuilder {
    /// Where slices are single pages, rows would prune nothing that slices do not.
    pub(super) fn new(grid: Grid) -> PostingsBuilder {
        let pages = grid.slice_rows as usize > limits::PAGE_ROWS_MAX;
        let rows_max = if pages { (grid.rows / ROWS_PER_RARE_ROW) as usize } else { 0 };
        let values = (rows_max > 0).then(Default::default);
        PostingsBuilder { rows_max, present: Rows::none(), values }
    }

    /// Whether rows of the column are still of interest.
    pub(super) fn wants_present(&self) -> bool {
        self.present.0.is_some()
    }

    pub(super) fn add_present(&mut self, row: u32) {
        self.present.push(row, self.rows_max);
    }

    /// Adds a row of a value that was counted.
    pub(super) fn add(&mut self, count: &mut Count, row: u32) {
        let Some((index, lists)) = &mut self.values else { return };
        if count.posting == u32::MAX {
            let next = lists.len() as u32;
            count.posting = *index.entry(count.hash).or_insert(next);
            if count.posting == next {
                lists.push(Rows::none());
            }
            if lists.len() > VALUES_MAX {
                self.values = None;
                return;
            }
        }
        lists[count.posting as usize].push(row, self.rows_max);
    }

    /// The column has values that are not told any more.
    pub(super) fn give_up_values(&mut self) {
        self.values = None;
    }

    pub(super) fn finish(self) -> Vec<u8> {
        let present = if self.present.0.is_some() && self.rows_max > 0 { self.present.bitmap() } else { Vec::new() };
        let mut rare: Vec<(u64, Vec<u8>)> = match &self.values {
            Some((index, lists)) => index
                .iter()
                .filter(|(_, at)| lists[**at as usize].0.is_some())
                .map(|(hash, at)| (*hash, lists[*at as usize].bitmap()))
                .collect(),
            None => Vec::new(),
        };
        if present.is_empty() && rare.is_empty() {
            return Vec::new();
        }
        rare.sort_unstable_by_key(|(hash, _)| *hash);
        let mut out = Vec::new();
        out.extend((rare.len() as u32).to_le_bytes());
        out.extend((present.len() as u32).to_le_bytes());
        let mut end = 0;
        for (hash, bitmap) in &rare {
            end += bitmap.len() as u32;
            out.extend(hash.to_le_bytes());
            out.extend(end.to_le_bytes());
        }
        out.extend(present);
        rare.iter().for_each(|(_, bitmap)| out.extend(bitmap));
        out
    }
}

/// What postings say of a value or a column.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Found {
    /// Nothing: there are too many rows, or too many values.
    Unknown,
    Rows(RoaringBitmap),
}

/// The rows with any value.
pub(super) fn present(bytes: &[u8]) -> Option<Found> {
    let Some((values, present)) = header(bytes)? else { return Some(Found::Unknown) };
    if present == 0 {
        return Some(Found::Unknown);
    }
    let from = HEADER_BYTES + values * ENTRY_BYTES;
    bitmap(bytes.get(from..from.checked_add(present)?)?)
}

/// The rows of the value with this hash.
pub(super) fn find(bytes: &[u8], hash: u64) -> Option<Found> {
    let Some((values, present)) = header(bytes)? else { return Some(Found::Unknown) };
    let entries = bytes.get(HEADER_BYTES..HEADER_BYTES + values * ENTRY_BYTES)?.as_chunks::<ENTRY_BYTES>().0;
    let entry = |at: usize| {
        let mut cursor = Cursor(&entries[at]);
        cursor.u64().zip(cursor.u32())
    };
    let Ok(at) = entries.binary_search_by_key(&Some(hash), |entry| Cursor(entry).u64()) else {
        return Some(Found::Unknown);
    };
    let start = if at == 0 { 0 } else { entry(at - 1)?.1 as usize };
    let bitmaps = HEADER_BYTES + values * ENTRY_BYTES + present;
    bitmap(bytes.get(bitmaps.checked_add(start)?..bitmaps.checked_add(entry(at)?.1 as usize)?)?)
}

/// How many values there are, and the bytes of the column's own rows.
fn header(bytes: &[u8]) -> Option<Option<(usize, usize)>> {
    if bytes.is_empty() {
        return Some(None);
    }
    let mut cursor = Cursor(bytes);
    let (values, present) = (cursor.u32()? as usize, cursor.u32()? as usize);
    (values <= VALUES_MAX).then_some(Some((values, present)))
}

fn bitmap(bytes: &[u8]) -> Option<Found> {
    RoaringBitmap::deserialize_from(bytes).ok().map(Found::Rows)
}
