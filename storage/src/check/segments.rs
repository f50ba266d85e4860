//! Segments: every block, and every claim of the footer counted again from the columns. It must not know the log.

use std::sync::Arc;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{TimestampNanosecondType, UInt32Type, UInt64Type};

use super::Check;
use crate::catalog::CatalogImage;
use crate::error::StoreError;
use crate::event::{FieldName, FieldType, TimestampNs, reserved};
use crate::limits;
use crate::segment::SegmentInfo;
use crate::segment::file::{Seen, row_group_rows};
use crate::segment::footer::{SegmentFooter, store_name};
use crate::segment::merge;
use crate::segment::reader::{OpenSegment, Segment};
use crate::segment::sequences::Sequences;

impl Check<'_> {
    /// A segment that the catalog lists.
    pub(super) fn listed(&mut self, image: &CatalogImage, info: &SegmentInfo) {
        self.report.segments += 1;
        self.report.segment_bytes += info.bytes;
        let segment = Segment::new(info.clone(), Arc::clone(&self.disk), self.dir.clone(), &self.footers);
        let opened = segment.verify();
        match (&opened, image.damage.get(&info.id)) {
            (Ok(_), None) => {}
            (Ok(_), Some(was)) => self.note(format!(
                "segment {} was set aside ({was}) and is sound: the next start reads it again",
                info.id.0
            )),
            (Err(error), None) => self.problem(error.to_string()),
            (Err(error), Some(_)) => self.problem(format!("{error}; it is set aside")),
        }
        if let Some(damage) = segment.sidecar_damage() {
            self.problem(format!("{damage}; the segment is served without its sidecar"));
        }
        let footer = opened.as_ref().ok().map(|open| open.footer().clone());
        self.count_fields(info.dataset, footer.as_ref());
        let Ok(open) = opened else { return };
        self.report.segment_events += info.rows;
        let path = self.dir.segment(info.dataset, info.id);
        let mut wrong = claims(&open).unwrap_or_else(|error| vec![error.to_string()]);
        wrong.extend(self.count_overflow(image, &open).err().map(|error| error.to_string()));
        let footer = open.footer();
        if footer.store != store_name(image.store_id) {
            wrong.push("it belongs to another store".to_owned());
        }
        let name = image.datasets.iter().find(|d| d.id == info.dataset).map(|d| d.name.as_str());
        if name.is_some_and(|name| name != footer.dataset) {
            self.report.notes.push(format!("{} was written when its dataset was {:?}", path.display(), footer.dataset));
        }
        let doubled = self.accounted.common(&footer.sequences);
        if doubled > 0 {
            wrong.push(format!("{doubled} of its events are in other segments too"));
        }
        self.accounted.merge(&footer.sequences);
        wrong.into_iter().for_each(|what| self.problem(format!("{}: {what}", path.display())));
    }
}

/// What a segment claims and does not hold.
pub(super) fn claims(open: &OpenSegment) -> Result<Vec<String>, StoreError> {
    let footer = open.footer();
    let mut wrong = layout(open);
    let Some(times) = system(open, reserved::TIMESTAMP)? else { return Ok(vec!["it has no times".to_owned()]) };
    let times: Vec<TimestampNs> = times.as_primitive::<TimestampNanosecondType>().values().to_vec();
    let Some(sequences) = system(open, reserved::SEQUENCE)? else { return Ok(vec!["it has no sequences".to_owned()]) };
    let sequences: Vec<u64> = sequences.as_primitive::<UInt64Type>().values().to_vec();
    let Some(received) = system(open, reserved::RECEIVED)? else {
        return Ok(vec!["it has no receive times".to_owned()]);
    };
    let received = received.as_primitive::<TimestampNanosecondType>().values();

    let ends = (times.iter().min(), times.iter().max());
    if ends != (Some(&footer.time_min), Some(&footer.time_max)) {
        wrong.push(format!(
            "its times are from {:?} to {:?}, it says {} to {}",
            ends.0, ends.1, footer.time_min, footer.time_max
        ));
    }
    if received.iter().any(|received| *received > footer.received_max) {
        wrong.push("events arrived later than it says".to_owned());
    }
    let held: Sequences = sequences.iter().copied().collect();
    if held.len() != footer.rows {
        wrong.push(format!("its {} rows have {} different sequences", footer.rows, held.len()));
    }
    if held.common(&footer.sequences) != held.len() {
        wrong.push("it holds events that it does not account for".to_owned());
    }
    wrong.extend(order(open, &times, &sequences)?);
    let rates = system(open, reserved::SAMPLE_RATE)?;
    if rates.is_some() != footer.sampled {
        wrong.push("it is wrong about having sample rates".to_owned());
    }
    if rates.is_some_and(|rates| rates.as_primitive::<UInt32Type>().values().contains(&0)) {
        wrong.push("an event stands for none".to_owned());
    }
    wrong.extend(fields(open, footer, &times)?);
    Ok(wrong)
}

fn system(open: &OpenSegment, name: &str) -> Result<Option<arrow::array::ArrayRef>, StoreError> {
    let column = open.system_column(name).map(|index| merge::whole(open, index)).transpose()?;
    // None of the store's own columns lacks a value.
    Ok(column.filter(|array| array.null_count() == 0))
}

/// Row groups and pages.
fn layout(open: &OpenSegment) -> Vec<String> {
    let metadata = open.metadata().metadata();
    let mut wrong = Vec::new();
    let rows_max = row_group_rows(open.footer().fields.len());
    if metadata.row_groups().iter().any(|group| group.num_rows() as usize > rows_max) {
        wrong.push(format!("a row group has more than {rows_max} rows"));
    }
    let pages = metadata.offset_index().into_iter().flatten().zip(metadata.row_groups());
    let too_long = pages.into_iter().any(|(columns, group)| {
        columns.iter().any(|column| {
            let firsts = column.page_locations().iter().map(|page| page.first_row_index);
            let ends = firsts.clone().skip(1).chain(std::iter::once(group.num_rows()));
            firsts.zip(ends).any(|(first, end)| end - first > limits::PAGE_ROWS_MAX as i64)
        })
    });
    if too_long {
        wrong.push(format!("a page has more than {} rows", limits::PAGE_ROWS_MAX));
    }
    wrong
}

/// Whether rows are ordered by (cluster value, timestamp, sequence).
fn order(open: &OpenSegment, times: &[TimestampNs], sequences: &[u64]) -> Result<Option<String>, StoreError> {
    let cluster = open.footer().cluster_field.as_deref();
    let index = cluster.and_then(|field| open.column(&FieldName::trusted(field), FieldType::String));
    let cluster = index.map(|index| merge::whole(open, index)).transpose()?;
    let key = |row: usize| {
        let value = cluster.as_ref().filter(|array| array.is_valid(row)).map(|array| array.as_string_view().value(row));
        // Without a value comes last.
        (value.is_none(), value, times[row], sequences[row])
    };
    let wrong = (1..times.len()).find(|row| key(row - 1) >= key(*row));
    Ok(wrong.map(|row| format!("row {row} is out of order")))
}

/// What the footer says of each field, counted again.
fn fields(open: &OpenSegment, footer: &SegmentFooter, times: &[TimestampNs]) -> Result<Vec<String>, StoreError> {
    let mut wrong = Vec::new();
    for field in &footer.fields {
        let index = field.key().and_then(|(name, field_type)| open.column(&name, field_type));
        let Some(index) = index else { continue };
        let mut seen = Seen::default();
        let mut row = 0;
        for batch in merge::reader(open, index, 0..times.len())? {
            let batch = batch.map_err(|e| open.unreadable(&e))?;
            let array = batch.column(0);
            (0..array.len()).filter(|at| array.is_valid(*at)).for_each(|at| seen.note(times[row + at]));
            row += array.len();
        }
        if (seen.events, seen.first, seen.last) != (field.events, field.first_seen, field.last_seen) {
            wrong.push(format!(
                "column {} has {} values from {} to {}, it says {} from {} to {}",
                field.column, seen.events, seen.first, seen.last, field.events, field.first_seen, field.last_seen
            ));
        }
    }
    Ok(wrong)
}
