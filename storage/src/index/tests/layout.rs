//! Rows are cut into blocks of one cluster value, and into at most 64 slices of whole pages.

use crate::index::layout::{BLOCK_ROWS_MAX, BLOCKS_OWN_MAX, BlockLayout, Cluster, Grid, LayoutBuilder, SLICES_MAX};
use crate::index::rows::RowSet;

fn cut<'a>(rows: impl IntoIterator<Item = (Option<&'a str>, i64, u32)>) -> BlockLayout {
    let mut builder = LayoutBuilder::default();
    rows.into_iter().for_each(|(cluster, time, rate)| builder.push(cluster, time, rate));
    builder.finish()
}

#[test]
fn a_block_is_one_cluster_value() {
    let layout = cut([(Some("a"), 5, 1), (Some("a"), 3, 2), (Some("b"), 9, 1), (None, 7, 3), (None, 8, 1)]);
    let seen: Vec<_> = layout.blocks.iter().map(|b| (b.cluster.clone(), b.first_row, b.rows)).collect();
    let value = |text: &str| Cluster::Value(text.to_owned());
    assert_eq!(seen, [(value("a"), 0, 2), (value("b"), 2, 1), (Cluster::Absent, 3, 2)]);
    let block = &layout.blocks[0];
    assert_eq!((block.time_min, block.time_max, block.weight, block.weight_squares), (3, 5, 3, 5.0));
    assert!(layout.sampled);
    assert!(!cut([(None, 1, 1)]).sampled);
    assert_eq!(cut([]).blocks, []);
}

#[test]
fn a_block_has_so_many_rows_at_most() {
    let rows = BLOCK_ROWS_MAX as usize * 2 + 1;
    let layout = cut((0..rows).map(|n| (None, n as i64, 1)));
    let rows: Vec<u32> = layout.blocks.iter().map(|b| b.rows).collect();
    assert_eq!(rows, [BLOCK_ROWS_MAX, BLOCK_ROWS_MAX, 1]);
    assert_eq!(layout.blocks[1].time_min, i64::from(BLOCK_ROWS_MAX));
}

#[test]
fn very_many_cluster_values_share_blocks() {
    let names: Vec<String> = (0..BLOCKS_OWN_MAX + 1_000).map(|n| n.to_string()).collect();
    let layout = cut(names.iter().map(|name| (Some(name.as_str()), 1, 1)));
    assert_eq!(layout.blocks.len(), BLOCKS_OWN_MAX + 1);
    let last = layout.blocks.last().unwrap();
    assert_eq!((&last.cluster, last.rows), (&Cluster::Mixed, 1_000));
}

#[test]
fn slices_are_whole_pages() {
    for rows in [0, 1, 4_095, 4_096, 4_097, 64 * 4_096, 64 * 4_096 + 1, 250_000, 1 << 20, u32::MAX] {
        let grid = Grid::of(rows);
        assert!(grid.slices() <= SLICES_MAX && grid.slice_rows.is_multiple_of(4_096), "{grid:?}");
        assert_eq!(grid.all().count_ones(), grid.slices());
        assert_eq!(RowSet::all(grid).count(), u64::from(rows));
        assert!(rows == 0 || grid.slice_of(rows - 1) == grid.slices() - 1);
    }
}

#[test]
fn a_slice_knows_its_times() {
    let layout = cut((0..20_000).map(|n| (None, 1_000_000 - n, 1)));
    assert_eq!(layout.spans.len(), 5);
    assert_eq!((layout.spans[1].time_min, layout.spans[1].time_max), (1_000_000 - 8_191, 1_000_000 - 4_096));
    assert_eq!(layout.spans[4].time_min, 1_000_000 - 19_999);
}
