//! Sketches by time bucket → the bins of a heatmap. Bins are runs of sketch buckets, so every count is exact.
//!
//! The finest run is chosen that needs at most 64 bins for what lies between the least and the greatest magnitude. Zero
//! and the gap around it are one bin.

use crate::functions::{Sketch, bucket_start};
use crate::limits::HEATMAP_BINS_MAX;

/// Edges (one more than bins) and counts by time bucket.
pub(crate) fn heatmap(sketches: &[Option<Sketch>]) -> (Vec<f64>, Vec<Vec<u64>>) {
    let mut buckets: Vec<i32> = sketches.iter().flatten().flat_map(|s| s.buckets().iter().map(|b| b.0)).collect();
    buckets.sort_unstable();
    buckets.dedup();
    if buckets.is_empty() {
        return (Vec::new(), vec![Vec::new(); sketches.len()]);
    }
    let mut shift = 0;
    let edges = loop {
        let edges = edges(&buckets, shift);
        if edges.len() <= HEATMAP_BINS_MAX + 1 {
            break edges;
        }
        shift += 1;
    };
    let mut counts = vec![vec![0; edges.len() - 1]; sketches.len()];
    for (row, sketch) in counts.iter_mut().zip(sketches) {
        for (bucket, weight) in sketch.iter().flat_map(|s| s.buckets()) {
            let bin = edges.partition_point(|edge| edge <= bucket).clamp(1, edges.len() - 1) - 1;
            row[bin] += weight;
        }
    }
    (edges.into_iter().map(finite_start).collect(), counts)
}

/// The last bucket that a finite double has begins below infinity; what lies behind it is closed at the greatest double.
fn finite_start(bucket: i32) -> f64 {
    bucket_start(bucket).clamp(f64::MIN, f64::MAX)
}

/// The first buckets of bins of 2^shift buckets, and the one after the last bin.
fn edges(buckets: &[i32], shift: u32) -> Vec<i32> {
    let run = 1i32 << shift.min(24);
    // Runs are aligned so that whole octaves share their edges: positive buckets begin at 1.
    let down = |bucket: i32| (bucket - 1).div_euclid(run) * run + 1;
    let negative = (buckets.iter().copied().filter(|b| *b < 0).min(), buckets.iter().copied().filter(|b| *b < 0).max());
    let positive = (buckets.iter().copied().filter(|b| *b > 0).min(), buckets.iter().copied().filter(|b| *b > 0).max());
    let mut edges = Vec::new();
    if let (Some(least), Some(greatest)) = negative {
        // Mirrored: bucket -b lies where b does. Its first bucket is the far end.
        let (far, near) = (down(-least) + run, down(-greatest));
        let mut at = far;
        while at >= near {
            edges.push(1 - at);
            at -= run;
        }
    }
    let zero = buckets.binary_search(&0).is_ok();
    if let (Some(least), Some(greatest)) = positive {
        if zero && edges.is_empty() {
            edges.push(0);
        }
        let mut at = down(least);
        loop {
            edges.push(at);
            if at > greatest {
                break;
            }
            at += run;
        }
    } else if zero {
        if edges.is_empty() {
            edges.push(0);
        }
        edges.push(1);
    }
    edges.dedup();
    edges
}
