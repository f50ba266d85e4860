//! Counts the fields of a dataset anew, out of what its segments hold. It must not know why.

use std::sync::Arc;

use crate::catalog::FieldTable;
use crate::disk::Disk;
use crate::event::{FieldName, FieldType, reserved};
use crate::paths::DataDir;
use crate::segment::reader::{OpenSegment, Segment};

/// Counts into `fields` what the segments hold; one that cannot be read is not counted.
pub(super) fn recount(
    disk: &Arc<dyn Disk>,
    dir: &DataDir,
    segments: &[Arc<Segment>],
    overflow_listed_max: usize,
    fields: &mut FieldTable,
) {
    fields.forget_counts();
    // Opened past whatever is kept: this is rare, and all of them at once may be large.
    let open = |segment: &Segment| {
        let info = segment.info();
        OpenSegment::open(Arc::clone(disk), dir, info.dataset, info.id).ok()
    };
    let mut overflowing = Vec::new();
    let mut in_order: Vec<&Arc<Segment>> = segments.iter().collect();
    in_order.sort_unstable_by_key(|segment| segment.info().id);
    for segment in in_order {
        let Some(opened) = open(segment) else { continue };
        fields.count_footer(opened.footer());
        if opened.column(&FieldName::trusted(reserved::OVERFLOW), FieldType::String).is_some() {
            overflowing.push(segment);
        }
    }
    for opened in overflowing.into_iter().filter_map(|segment| open(segment)) {
        let _not_counted =
            opened.read_overflow(|texts, times| fields.count_overflow_anew(texts.iter(), times, overflow_listed_max));
    }
}
