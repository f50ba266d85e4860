//! What the catalog says as the state of a store, as far as it can be believed.
//!
//! A row of a segment or a field that fails its checksum is never used. Every segment says of itself what such a row said,
//! so it is written anew where the files can be read. It must not know the log.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::inner::DatasetState;
use super::recount::recount;
use crate::catalog::{Catalog, CatalogImage};
use crate::disk::Disk;
use crate::error::StoreError;
use crate::event::DatasetId;
use crate::limits::StoreLimits;
use crate::paths::{DataDir, SegmentId};
use crate::segment::SegmentInfo;
use crate::segment::cache::FooterCache;
use crate::segment::footer::store_name;
use crate::segment::reader::{OpenSegment, Segment};

/// The datasets, and what was wrong on the way, in words.
pub(super) struct Loaded {
    pub(super) states: Vec<DatasetState>,
    pub(super) damage: Vec<String>,
}

pub(super) fn load(
    disk: &Arc<dyn Disk>,
    dir: &DataDir,
    limits: &StoreLimits,
    footers: &Arc<FooterCache>,
    catalog: &mut Catalog,
    image: &mut CatalogImage,
) -> Result<Loaded, StoreError> {
    let mut loader = Loader { disk, dir, footers, damage: Vec::new() };
    let unknown = loader.believe_segments(catalog, image)?;
    let mut by_dataset: BTreeMap<DatasetId, Vec<Arc<Segment>>> = BTreeMap::new();
    for info in &image.segments {
        let segment = loader.segment(info, image.damage.get(&info.id));
        by_dataset.entry(info.dataset).or_default().push(Arc::new(segment));
    }
    for segment in unknown {
        by_dataset.entry(segment.info().dataset).or_default().push(Arc::new(segment));
    }
    let mut states = Vec::with_capacity(image.datasets.len());
    let fields_lost = image.fields_lost.len();
    if fields_lost > 0 {
        loader.damage.push(format!(
            "{fields_lost} of the catalog's rows of fields fail their checksums; the fields of all datasets were counted \
             anew from their segments"
        ));
    }
    for row in &mut image.datasets {
        let segments = by_dataset.remove(&row.id).unwrap_or_default();
        if fields_lost > 0 {
            recount(disk, dir, &segments, limits.overflow_fields_listed_max, &mut row.fields);
            catalog.rewrite_fields(row.id, &row.fields)?;
        }
        // Those that the catalog does not know as damaged stay among the others until it does.
        let noted = |s: &Arc<Segment>| image.damage.contains_key(&s.info().id) || s.info().is_unknown();
        let (set_aside, segments): (Vec<_>, Vec<_>) = segments.into_iter().partition(noted);
        states.push(DatasetState::new(row, segments, set_aside));
    }
    for segment in by_dataset.into_values().flatten() {
        let SegmentInfo { id, dataset, .. } = segment.info();
        loader.damage.push(format!("segment {} is of dataset {dataset}, which the catalog does not know", id.0));
    }
    Ok(Loaded { states, damage: loader.damage })
}

struct Loader<'a> {
    disk: &'a Arc<dyn Disk>,
    dir: &'a DataDir,
    footers: &'a Arc<FooterCache>,
    damage: Vec<String>,
}

impl Loader<'_> {
    fn open(&self, dataset: DatasetId, id: SegmentId) -> Result<Arc<OpenSegment>, StoreError> {
        OpenSegment::open(Arc::clone(self.disk), self.dir, dataset, id)
    }

    /// Writes the rows of segments anew that failed their checksums. Those that even the files cannot tell of are returned
    /// as damaged ones of which nobody knows anything.
    fn believe_segments(
        &mut self,
        catalog: &mut Catalog,
        image: &mut CatalogImage,
    ) -> Result<Vec<Segment>, StoreError> {
        let mut told = Vec::new();
        let mut unknown = Vec::new();
        for (dataset, id) in &image.unsound {
            let row = format!("the catalog's row of segment {} fails its checksum", id.0);
            match self.open(*dataset, *id) {
                Ok(open) if open.footer().store == store_name(image.store_id) => {
                    self.damage.push(format!("{row}; it was written anew from what the segment says"));
                    told.push(open.info());
                }
                opened => {
                    let why = opened.err().map_or("its file belongs to another store".to_owned(), |e| e.to_string());
                    let info = SegmentInfo::unknown(*dataset, *id);
                    let what = format!("{row}, and {why}");
                    let segment = self.handle(info);
                    segment.damage_note().note_words(what);
                    unknown.push(segment);
                }
            }
        }
        if !told.is_empty() {
            catalog.rewrite_segments(&told)?;
            image.segments.extend(told);
        }
        Ok(unknown)
    }

    /// A segment that the catalog lists. One whose file is not there as listed is damaged.
    fn segment(&self, info: &SegmentInfo, damage: Option<&String>) -> Segment {
        let path = self.dir.segment(info.dataset, info.id);
        let wrong = damage.cloned().or_else(|| match self.disk.length(&path) {
            Ok(length) if length == info.bytes => None,
            Ok(length) => Some(format!("{} has {length} bytes instead of {}", path.display(), info.bytes)),
            Err(error) => Some(format!("{} cannot be read: {error}", path.display())),
        });
        let segment = self.handle(info.clone());
        if let Some(what) = wrong {
            segment.damage_note().note_words(what);
        }
        segment
    }

    fn handle(&self, info: SegmentInfo) -> Segment {
        Segment::new(info, Arc::clone(self.disk), self.dir.clone(), self.footers)
    }
}
