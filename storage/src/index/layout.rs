//! How the rows of a segment are cut, before any column is read: into blocks for counting, into slices for pruning.
//!
//! A *block* is one cluster value and at most [`BLOCK_ROWS_MAX`] rows, so that a compare may take the baseline of a cluster
//! value and a time range from whole blocks. A *slice* is a run of whole pages, at most [`SLICES_MAX`] of them in a
//! segment, so that the slices in which something occurs fit into one word. It must not know columns.

use crate::event::TimestampNs;
use crate::limits;

/// Rows of one block.
pub(crate) const BLOCK_ROWS_MAX: u32 = 65_536;
/// Slices of one segment: the bits of a word.
pub(crate) const SLICES_MAX: u32 = 64;
/// Blocks after which rows of any cluster value share one: a field that clustered well once may have a value a row today.
pub(crate) const BLOCKS_OWN_MAX: usize = 512;
const PAGE_ROWS: u32 = limits::PAGE_ROWS_MAX as u32;

/// The slices of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    pub rows: u32,
    /// Rows of a slice; the last may have fewer.
    pub slice_rows: u32,
}

impl Grid {
    pub(crate) fn of(rows: u32) -> Grid {
        let pages = rows.div_ceil(PAGE_ROWS);
        Grid { rows, slice_rows: pages.div_ceil(SLICES_MAX).max(1) * PAGE_ROWS }
    }

    pub fn slices(self) -> u32 {
        self.rows.div_ceil(self.slice_rows)
    }

    pub(crate) fn slice_of(self, row: u32) -> u32 {
        row / self.slice_rows
    }

    /// Every slice, a bit each.
    pub(crate) fn all(self) -> u64 {
        low_bits(self.slices())
    }
}

/// The lowest `count` bits of a word.
pub(super) fn low_bits(count: u32) -> u64 {
    if count >= 64 { u64::MAX } else { (1 << count) - 1 }
}

/// The cluster value of a block's events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cluster {
    /// The events have no value of the cluster field, or the dataset has no such field.
    Absent,
    Value(String),
    /// Events of several values.
    Mixed,
}

/// See the module.
#[derive(Clone, Debug, PartialEq)]
pub struct Block {
    pub cluster: Cluster,
    pub first_row: u32,
    pub rows: u32,
    pub time_min: TimestampNs,
    pub time_max: TimestampNs,
    /// Summed `sample_rate`.
    pub weight: u64,
    /// Summed squares of `sample_rate`: with the sum they say how much the block's events are worth as evidence.
    pub weight_squares: f64,
}

impl Block {
    fn begin(cluster: Cluster, first_row: u32) -> Block {
        Block {
            cluster,
            first_row,
            rows: 0,
            time_min: TimestampNs::MAX,
            time_max: TimestampNs::MIN,
            weight: 0,
            weight_squares: 0.0,
        }
    }

    fn takes(&self, cluster: Option<&str>) -> bool {
        self.rows < BLOCK_ROWS_MAX
            && match &self.cluster {
                Cluster::Absent => cluster.is_none(),
                Cluster::Value(value) => cluster == Some(value),
                Cluster::Mixed => true,
            }
    }

    pub(crate) fn end_row(&self) -> u32 {
        self.first_row + self.rows
    }
}

/// The times of a slice's events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub time_min: TimestampNs,
    pub time_max: TimestampNs,
}

impl Span {
    const NOTHING: Span = Span { time_min: TimestampNs::MAX, time_max: TimestampNs::MIN };

    fn join(self, other: Span) -> Span {
        Span { time_min: self.time_min.min(other.time_min), time_max: self.time_max.max(other.time_max) }
    }
}

/// A segment's blocks and slices.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct BlockLayout {
    pub grid: Grid,
    /// Whether some event stands for more than itself.
    pub sampled: bool,
    /// One for each slice.
    pub spans: Vec<Span>,
    pub blocks: Vec<Block>,
}

/// Cuts rows that come in segment order.
#[derive(Debug, Default)]
pub(crate) struct LayoutBuilder {
    rows: u32,
    sampled: bool,
    pages: Vec<Span>,
    blocks: Vec<Block>,
}

impl LayoutBuilder {
    pub(crate) fn push(&mut self, cluster: Option<&str>, time: TimestampNs, rate: u32) {
        if self.rows.is_multiple_of(PAGE_ROWS) {
            self.pages.push(Span::NOTHING);
        }
        if let Some(page) = self.pages.last_mut() {
            *page = page.join(Span { time_min: time, time_max: time });
        }
        if !self.blocks.last().is_some_and(|block| block.takes(cluster)) {
            self.blocks.push(Block::begin(self.next_cluster(cluster), self.rows));
        }
        if let Some(block) = self.blocks.last_mut() {
            block.rows += 1;
            block.time_min = block.time_min.min(time);
            block.time_max = block.time_max.max(time);
            block.weight += u64::from(rate);
            block.weight_squares += f64::from(rate) * f64::from(rate);
        }
        self.sampled |= rate > 1;
        self.rows += 1;
    }

    fn next_cluster(&self, cluster: Option<&str>) -> Cluster {
        match cluster {
            _ if self.blocks.len() >= BLOCKS_OWN_MAX => Cluster::Mixed,
            None => Cluster::Absent,
            Some(value) => Cluster::Value(value.to_owned()),
        }
    }

    pub(crate) fn finish(self) -> BlockLayout {
        let grid = Grid::of(self.rows);
        let slice_pages = (grid.slice_rows / PAGE_ROWS) as usize;
        let join = |pages: &[Span]| pages.iter().fold(Span::NOTHING, |all, page| all.join(*page));
        let spans = self.pages.chunks(slice_pages).map(join).collect();
        BlockLayout { grid, sampled: self.sampled, spans, blocks: self.blocks }
    }
}
