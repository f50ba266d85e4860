//! One sketch behind percentiles and heatmaps: a log histogram whose buckets are taken from the bits of the double.
//!
//! 128 buckets an octave: a value is known to 0.8 % of itself. Small integers are bucket bounds and therefore exact.
//! Buckets merge by addition, in any order to the same result. Weighted by sample rate. Few buckets are a sorted list;
//! many that lie together become an array, because counting is where a heatmap's time goes.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BinaryBuilder, BooleanArray};
use arrow::datatypes::{DataType, Field, FieldRef, Float64Type, Int64Type};
use datafusion::common::{Result, ScalarValue, exec_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, EmitTo, Expr, GroupsAccumulator, Signature, Volatility,
};

/// Bits of a double's mantissa below a bucket's: 52 - 7.
const SHIFT: u32 = 45;
/// Buckets of one sign; the edge behind the last one is infinity.
const BUCKETS_MAX: u32 = 0x7FF << (52 - SHIFT);

/// See the module.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Sketch {
    /// Sorted by bucket, no bucket twice.
    buckets: Vec<(i32, u64)>,
    /// Not yet sorted in.
    pending: Vec<(i32, u64)>,
    /// The weights of buckets from `dense_first` on, once there are many; those are in no list then.
    dense: Vec<u64>,
    dense_first: i32,
    min: f64,
    max: f64,
}

/// Pending entries are sorted in when there are as many as buckets, and at least this many.
const PENDING_MIN: usize = 64;
/// So many buckets become an array, if it has at most [`DENSE_MAX`] places: 128 octaves.
const DENSE_MIN: usize = 64;
const DENSE_MAX: usize = 128 * 128;

/// The bucket of a value. Monotonic; zero is 0. Bucket k > 0 holds [`bucket_start`]`(k)` ≤ v < `bucket_start(k + 1)`;
/// a negative bucket mirrors it such that it also includes its lower and excludes its upper bound.
pub(crate) fn bucket(value: f64) -> i32 {
    let magnitude = value.abs().to_bits();
    if magnitude == 0 {
        0
    } else if value > 0.0 {
        (magnitude >> SHIFT) as i32 + 1
    } else {
        -(((magnitude - 1) >> SHIFT) as i32 + 1)
    }
}

/// The least value of a bucket.
pub(crate) fn bucket_start(bucket: i32) -> f64 {
    let edge = |at: u32| f64::from_bits((u64::from(at) << SHIFT).min(f64::INFINITY.to_bits()));
    match bucket {
        0 => 0.0,
        // Zero has a bucket of its own, so that the next one begins behind it.
        1 => f64::from_bits(1),
        2.. => edge((bucket.unsigned_abs() - 1).min(BUCKETS_MAX)),
        _ => -edge(bucket.unsigned_abs().min(BUCKETS_MAX)),
    }
}

impl Sketch {
    pub(crate) fn add(&mut self, value: f64, weight: u64) {
        if self.is_empty() {
            (self.min, self.max) = (value, value);
        }
        self.min = self.min.min(value);
        self.max = self.max.max(value);
        self.count(bucket(value), weight);
    }

    #[inline]
    fn count(&mut self, bucket: i32, weight: u64) {
        if let Some(place) = usize::try_from(bucket.wrapping_sub(self.dense_first)).ok()
            && let Some(slot) = self.dense.get_mut(place)
        {
            *slot += weight;
            return;
        }
        self.count_listed(bucket, weight);
    }

    fn count_listed(&mut self, bucket: i32, weight: u64) {
        if let Ok(at) = self.buckets.binary_search_by_key(&bucket, |b| b.0) {
            self.buckets[at].1 += weight;
            return;
        }
        self.pending.push((bucket, weight));
        if self.pending.len() >= self.buckets.len().max(PENDING_MIN) {
            self.settle();
        }
    }

    fn settle(&mut self) {
        if self.pending.is_empty() {
            return;
        }
        self.buckets.append(&mut self.pending);
        self.buckets.sort_unstable_by_key(|b| b.0);
        self.buckets.dedup_by(|later, first| {
            let same = later.0 == first.0;
            if same {
                first.1 += later.1;
            }
            same
        });
        if self.buckets.len() >= DENSE_MIN {
            self.make_dense();
        }
    }

    /// Moves the listed buckets into the array, if all of them and those already there fit.
    fn make_dense(&mut self) {
        let (Some(first), Some(last)) = (self.buckets.first(), self.buckets.last()) else { return };
        let (mut first, mut end) = (first.0, last.0 + 1);
        if !self.dense.is_empty() {
            first = first.min(self.dense_first);
            end = end.max(self.dense_first + self.dense.len() as i32);
        }
        let places = (i64::from(end) - i64::from(first)) as usize;
        if places > DENSE_MAX {
            return;
        }
        let mut dense = vec![0; places];
        for (bucket, weight) in self.listed_and_dense() {
            dense[(bucket - first) as usize] += weight;
        }
        self.buckets.clear();
        self.dense = dense;
        self.dense_first = first;
    }

    /// Every bucket with weight, in no order; a bucket may come twice.
    fn listed_and_dense(&self) -> impl Iterator<Item = (i32, u64)> + '_ {
        let dense = self.dense.iter().enumerate().map(|(place, weight)| (self.dense_first + place as i32, *weight));
        self.buckets.iter().chain(&self.pending).copied().chain(dense.filter(|(_, weight)| *weight > 0))
    }

    pub(crate) fn merge(&mut self, other: &Sketch) {
        if other.is_empty() {
            return;
        }
        if self.is_empty() {
            *self = other.clone();
            return;
        }
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        for (bucket, weight) in other.listed_and_dense() {
            self.count(bucket, weight);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.buckets.is_empty() && self.pending.is_empty() && self.dense.is_empty()
    }

    /// The buckets with weight, in order, of a sketch that was read back.
    pub(crate) fn buckets(&self) -> &[(i32, u64)] {
        &self.buckets
    }

    /// The least value with at least `share` of the weight at or below it, within 0.8 %.
    pub(crate) fn quantile(&self, share: f64) -> Option<f64> {
        let total: u64 = self.buckets.iter().map(|b| b.1).sum();
        let rank = (share * total as f64).ceil().max(1.0) as u64;
        let mut below = 0;
        let (found, _) = self.buckets.iter().find(|(_, weight)| {
            below += weight;
            below >= rank
        })?;
        Some(bucket_start(*found).clamp(self.min, self.max))
    }

    pub(crate) fn encode(&mut self) -> Vec<u8> {
        self.settle();
        let mut buckets: Vec<(i32, u64)> = self.listed_and_dense().collect();
        buckets.sort_unstable_by_key(|b| b.0);
        let mut bytes = Vec::with_capacity(16 + 12 * buckets.len());
        bytes.extend(self.min.to_le_bytes());
        bytes.extend(self.max.to_le_bytes());
        for (bucket, weight) in &buckets {
            bytes.extend(bucket.to_le_bytes());
            bytes.extend(weight.to_le_bytes());
        }
        bytes
    }

    /// The sketch of [`Sketch::encode`].
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Sketch> {
        let (min, rest) = bytes.split_first_chunk::<8>()?;
        let (max, rest) = rest.split_first_chunk::<8>()?;
        let buckets = rest
            .as_chunks::<12>()
            .0
            .iter()
            .map(|c| {
                let (mut bucket, mut weight) = ([0; 4], [0; 8]);
                bucket.copy_from_slice(&c[..4]);
                weight.copy_from_slice(&c[4..]);
                (i32::from_le_bytes(bucket), u64::from_le_bytes(weight))
            })
            .collect();
        let (min, max) = (f64::from_le_bytes(*min), f64::from_le_bytes(*max));
        Some(Sketch { buckets, min, max, ..Sketch::default() })
    }

    fn size(&self) -> usize {
        size_of::<(i32, u64)>() * (self.buckets.capacity() + self.pending.capacity())
            + size_of::<u64>() * self.dense.capacity()
    }
}

/// The sketch of `value` (Float64) weighted by `weight` (Int64), as bytes; null without a value.
pub(crate) fn sketch(value: Expr, weight: Expr) -> Expr {
    let signature = Signature::exact(vec![DataType::Float64, DataType::Int64], Volatility::Immutable);
    AggregateUDF::from(SketchFunction { signature }).call(vec![value, weight])
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct SketchFunction {
    signature: Signature,
}

impl AggregateUDFImpl for SketchFunction {
    fn name(&self) -> &str {
        "sketch"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Binary)
    }

    fn accumulator(&self, _: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(SketchGroups::default()))
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        Ok(vec![Arc::new(Field::new(format!("{}[sketch]", args.name), DataType::Binary, true))])
    }

    fn groups_accumulator_supported(&self, _: AccumulatorArgs) -> bool {
        true
    }

    fn create_groups_accumulator(&self, _: AccumulatorArgs) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(SketchGroups::default()))
    }
}

#[derive(Debug, Default)]
struct SketchGroups {
    groups: Vec<Sketch>,
    bytes: usize,
}

impl SketchGroups {
    fn emit(&mut self, emit_to: EmitTo) -> ArrayRef {
        let mut sketches = emit_to.take_needed(&mut self.groups);
        let mut builder = BinaryBuilder::new();
        for sketch in &mut sketches {
            if sketch.is_empty() {
                builder.append_null();
            } else {
                builder.append_value(sketch.encode());
            }
        }
        self.bytes = self.groups.iter().map(Sketch::size).sum();
        Arc::new(builder.finish())
    }

    fn add_rows(&mut self, values: &[ArrayRef], group: impl Fn(usize) -> Option<usize>) -> Result<()> {
        let [value, weight] = values else { return exec_err!("sketch takes a value and a weight") };
        let (value, weight) = (value.as_primitive::<Float64Type>(), weight.as_primitive::<Int64Type>());
        for row in 0..value.len() {
            if value.is_null(row) {
                continue;
            }
            if let Some(group) = group(row) {
                let sketch = &mut self.groups[group];
                let before = sketch.size();
                sketch.add(value.value(row), weight.value(row).max(0) as u64);
                self.bytes += sketch.size() - before.min(sketch.size());
            }
        }
        Ok(())
    }
}

impl GroupsAccumulator for SketchGroups {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        opt_filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        self.groups.resize(total_num_groups, Sketch::default());
        let passes = |row: usize| opt_filter.is_none_or(|f| f.is_valid(row) && f.value(row));
        self.add_rows(values, |row| passes(row).then(|| group_indices[row]))
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        Ok(self.emit(emit_to))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        Ok(vec![self.emit(emit_to)])
    }

    fn merge_batch(&mut self, values: &[ArrayRef], group_indices: &[usize], total_num_groups: usize) -> Result<()> {
        self.groups.resize(total_num_groups, Sketch::default());
        let states = values[0].as_binary::<i32>();
        for (row, group) in group_indices.iter().enumerate() {
            if let Some(sketch) = states.is_valid(row).then(|| Sketch::from_bytes(states.value(row))).flatten() {
                self.groups[*group].merge(&sketch);
            }
        }
        self.bytes = self.groups.iter().map(Sketch::size).sum();
        Ok(())
    }

    fn convert_to_state(&self, values: &[ArrayRef], opt_filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        let rows = values[0].len();
        let mut single = SketchGroups::default();
        let each: Vec<usize> = (0..rows).collect();
        GroupsAccumulator::update_batch(&mut single, values, &each, opt_filter, rows)?;
        GroupsAccumulator::state(&mut single, EmitTo::All)
    }

    fn size(&self) -> usize {
        self.bytes + self.groups.capacity() * size_of::<Sketch>()
    }
}

impl Accumulator for SketchGroups {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.groups.resize(1, Sketch::default());
        self.add_rows(values, |_| Some(0))
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.groups.resize(1, Sketch::default());
        ScalarValue::try_from_array(&self.emit(EmitTo::All), 0)
    }

    fn size(&self) -> usize {
        self.groups.iter().map(Sketch::size).sum()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![Accumulator::evaluate(self)?])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let rows = states[0].len();
        GroupsAccumulator::merge_batch(self, states, &vec![0; rows], 1)
    }
}
