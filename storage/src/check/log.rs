//! The log: every frame, and where its events are besides. It must not know how a segment is read.

use std::collections::BTreeMap;
use std::path::Path;

use super::Check;
use crate::catalog::CatalogImage;
use crate::event::DatasetId;
use crate::segment::sequences::Sequences;
use crate::wal::frame::FrameBatch;
use crate::wal::reader;

/// What a file of the log brings that is wrong.
#[derive(Default)]
struct Wrong {
    /// Events of datasets that the catalog does not know.
    unknown: BTreeMap<DatasetId, u64>,
    /// Events of datasets that were dropped, which is as it may be.
    dropped: u64,
    twice_in_log: u64,
    in_segments: u64,
}

impl Check<'_> {
    /// A file of the log; its events are added to `logged`.
    pub(super) fn log_file(&mut self, image: &CatalogImage, path: &Path, end: Option<u64>, logged: &mut Sequences) {
        let watermarks: BTreeMap<DatasetId, u64> = image.datasets.iter().map(|d| (d.id, d.watermark)).collect();
        let mut wrong = Wrong::default();
        let mut pending = 0;
        let read = reader::read(&*self.disk, path, image.store_id, end, |content| {
            for batch in content.batches {
                let (rows, sequences) = sequences_of(&batch);
                wrong.twice_in_log += logged.common(&sequences);
                match watermarks.get(&batch.target.id) {
                    None if image.dropped.contains_key(&batch.target.id) => wrong.dropped += rows,
                    None => *wrong.unknown.entry(batch.target.id).or_default() += rows,
                    // As replay sees it.
                    Some(watermark) if batch.first_sequence >= *watermark => {
                        pending += rows;
                        wrong.in_segments += self.accounted.common(&sequences);
                    }
                    Some(_) => {}
                }
                logged.merge(&sequences);
            }
            Ok(())
        });
        self.report.wal_files += 1;
        self.report.wal_events_pending += pending;
        let name = path.display();
        match read {
            Ok(condition) => {
                self.report.wal_frames += condition.frames;
                self.report.wal_events += condition.events;
                if let Some(at) = condition.torn_at {
                    self.report.torn_tails += 1;
                    self.note(format!("{name} has a torn tail from byte {at}: nobody was told that it is durable"));
                }
                condition.problems(path).into_iter().for_each(|problem| self.problem(problem));
            }
            Err(error) => self.problem(error.to_string()),
        }
        if wrong.dropped > 0 {
            self.note(format!("{name} has {} events of dropped datasets: no start reads them back", wrong.dropped));
        }
        for (dataset, events) in wrong.unknown {
            self.problem(format!("{name} has {events} events of dataset {dataset}, which the catalog does not know"));
        }
        if wrong.twice_in_log > 0 {
            self.problem(format!("{} events of {name} are in the log a second time", wrong.twice_in_log));
        }
        if wrong.in_segments > 0 {
            self.problem(format!(
                "{} events of {name} are beyond the watermark and in segments: the next start would double them",
                wrong.in_segments
            ));
        }
    }
}

fn sequences_of(batch: &FrameBatch) -> (u64, Sequences) {
    let rows = batch.events.rows() as u64;
    let mut sequences = Sequences::default();
    sequences.insert(batch.first_sequence, batch.first_sequence + rows - 1);
    (rows, sequences)
}
