//! Files among the segments that the catalog does not list, and others that are nobody's. It must not know rows.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Check, segments};
use crate::catalog::CatalogImage;
use crate::error::StoreError;
use crate::event::DatasetId;
use crate::paths::{self, SegmentId};
use crate::segment::footer::store_name;
use crate::segment::reader::{OpenSegment, Segment};
use crate::segment::sequences::Sequences;
use crate::store::{Leftover, list};

impl Check<'_> {
    /// The segments of which there are files.
    pub(super) fn files_of_segments(&mut self) -> Result<BTreeSet<(DatasetId, SegmentId)>, StoreError> {
        let mut found = BTreeSet::new();
        for folder in list(&*self.disk, &self.dir.segments())? {
            let Some(dataset) = paths::dataset_of(&folder).filter(|_| folder.is_dir()) else {
                self.note(format!("{} is not ours: it is neither read nor removed", folder.display()));
                continue;
            };
            for file in list(&*self.disk, &folder)? {
                match paths::segment_of(&file) {
                    Some(id) => drop(found.insert((dataset, id))),
                    None => self.note(format!("{} is not ours: it is neither read nor removed", file.display())),
                }
            }
        }
        Ok(found)
    }

    /// Files of segments that the catalog does not list, and notes beside those that it does.
    pub(super) fn unlisted(&mut self, image: &CatalogImage, logged: &Sequences) -> Result<(), StoreError> {
        let mut listed: BTreeSet<(DatasetId, SegmentId)> = image.segments.iter().map(|s| (s.dataset, s.id)).collect();
        listed.extend(&image.unsound);
        for (dataset, id) in self.files_of_segments()? {
            let retired = self.dir.retired(dataset, id);
            let path = self.dir.segment(dataset, id);
            let noted = self.disk.length(&retired).is_ok();
            if listed.contains(&(dataset, id)) {
                if noted {
                    self.note(format!("{} is of a change that did not come about", retired.display()));
                }
                continue;
            }
            if image.dropped.contains_key(&dataset) {
                self.note(format!("{} is of a dropped dataset: the next start removes it", path.display()));
                continue;
            }
            let opened = OpenSegment::open(Arc::clone(&self.disk), self.dir, dataset, id);
            let accounted = || {
                let mut all = self.accounted.clone();
                all.merge(logged);
                all
            };
            let sums = self.dir.sums(dataset, id);
            let store = store_name(image.store_id);
            match Leftover::judge(&opened, noted, &store, &sums, logged, accounted) {
                Leftover::Nothing(why) => self.note(format!("{} {why}: the next start removes it", path.display())),
                Leftover::Something(why) => self.problem(format!("{} {why}", path.display())),
            }
        }
        Ok(())
    }

    /// A segment on its own.
    pub(super) fn unlisted_segment(&mut self, dataset: DatasetId, id: SegmentId) {
        let checked = OpenSegment::open(Arc::clone(&self.disk), self.dir, dataset, id).and_then(|open| {
            let segment = Segment::new(open.info(), Arc::clone(&self.disk), self.dir.clone(), &self.footers);
            Ok((open.footer().rows, open.info().bytes, segments::claims(&*segment.verify()?)?))
        });
        match checked {
            Ok((rows, bytes, wrong)) => {
                self.report.segments += 1;
                self.report.segment_events += rows;
                self.report.segment_bytes += bytes;
                let path = self.dir.segment(dataset, id);
                wrong.into_iter().for_each(|what| self.problem(format!("{}: {what}", path.display())));
            }
            Err(error) => self.problem(error.to_string()),
        }
    }
}
