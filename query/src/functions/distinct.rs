//! How many different values a field has: exact up to a bound per group, then HyperLogLog.
//!
//! A value is a 128-bit hash of its type and content (numbers by value), so that fields of several types are counted
//! once and two values are never one in practice. A group beyond the bound becomes a sketch of 0.8 % standard error,
//! and the query's [`DistinctFlag`] says so. With `exact` the set grows until the memory budget ends it.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arrow::array::{Array, ArrayRef, AsArray, BinaryBuilder, BooleanArray, Int64Array};
use arrow::datatypes::{DataType, Field, FieldRef, Float64Type, Int64Type};
use cardinality_estimator::CardinalityEstimator;
use datafusion::common::{Result, ScalarValue, exec_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, EmitTo, Expr, GroupsAccumulator, Signature, Volatility,
};
use hashbrown::HashTable;
use xxhash_rust::xxh3::{xxh3_128, xxh3_128_with_seed};

use crate::limits;

/// Set when a count became an estimate.
#[derive(Clone, Debug, Default)]
pub(crate) struct DistinctFlag(Arc<AtomicBool>);

impl DistinctFlag {
    pub(crate) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// The number of different values of a field, given as the columns of its types; Int64, 0 without a value.
pub(crate) fn distinct_count(columns: Vec<Expr>, exact: bool, flag: DistinctFlag) -> Expr {
    let signature = Signature::variadic_any(Volatility::Immutable);
    AggregateUDF::from(DistinctCount { signature, exact, flag }).call(columns)
}

#[derive(Debug)]
struct DistinctCount {
    signature: Signature,
    exact: bool,
    flag: DistinctFlag,
}

impl PartialEq for DistinctCount {
    fn eq(&self, other: &Self) -> bool {
        self.exact == other.exact && Arc::ptr_eq(&self.flag.0, &other.flag.0)
    }
}

impl Eq for DistinctCount {}

impl Hash for DistinctCount {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.exact.hash(state);
    }
}

impl DistinctCount {
    fn groups(&self) -> DistinctGroups {
        let max = if self.exact { usize::MAX } else { limits::DISTINCT_EXACT_MAX };
        DistinctGroups { groups: Vec::new(), max, flag: self.flag.clone(), bytes: 0 }
    }
}

impl AggregateUDFImpl for DistinctCount {
    fn name(&self) -> &str {
        "distinct_count"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Int64)
    }

    fn accumulator(&self, _: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(self.groups()))
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        Ok(vec![Arc::new(Field::new(format!("{}[distinct]", args.name), DataType::Binary, true))])
    }

    fn groups_accumulator_supported(&self, _: AccumulatorArgs) -> bool {
        true
    }

    fn create_groups_accumulator(&self, _: AccumulatorArgs) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(self.groups()))
    }
}

type Estimate = CardinalityEstimator<u64, DefaultHasher, 14, 6>;

#[derive(Clone, Debug)]
enum Distinct {
    Exact(HashTable<u128>),
    About(Box<Estimate>),
}

impl Default for Distinct {
    fn default() -> Distinct {
        Distinct::Exact(HashTable::new())
    }
}

impl Distinct {
    fn add(&mut self, value: u128, max: usize, flag: &DistinctFlag) {
        match self {
            Distinct::Exact(set) => {
                set.entry(value as u64, |v| *v == value, |v| *v as u64).or_insert(value);
                if set.len() > max {
                    let mut estimate = Box::new(Estimate::new());
                    for value in set.iter() {
                        estimate.insert_hash(*value as u64);
                    }
                    flag.0.store(true, Ordering::Relaxed);
                    *self = Distinct::About(estimate);
                }
            }
            Distinct::About(estimate) => estimate.insert_hash(value as u64),
        }
    }

    fn merge(&mut self, other: Distinct, max: usize, flag: &DistinctFlag) {
        match (self, other) {
            (Distinct::About(estimate), Distinct::About(other)) => estimate.merge(&other),
            (this, Distinct::Exact(values)) => {
                for value in values {
                    this.add(value, max, flag);
                }
            }
            (this @ Distinct::Exact(_), Distinct::About(other)) => {
                let values = std::mem::replace(this, Distinct::About(other));
                this.merge(values, max, flag);
            }
        }
    }

    fn count(&self) -> i64 {
        match self {
            Distinct::Exact(set) => set.len() as i64,
            Distinct::About(estimate) => estimate.estimate() as i64,
        }
    }

    fn to_bytes(&self) -> Vec<u8> {
        match self {
            Distinct::Exact(set) => {
                let mut bytes = Vec::with_capacity(1 + 16 * set.len());
                bytes.push(0);
                for value in set {
                    bytes.extend(value.to_le_bytes());
                }
                bytes
            }
            Distinct::About(estimate) => {
                let mut bytes = vec![1];
                bytes.extend(postcard::to_allocvec(estimate.as_ref()).unwrap_or_default());
                bytes
            }
        }
    }

    fn from_bytes(bytes: &[u8]) -> Option<Distinct> {
        let (kind, rest) = bytes.split_first()?;
        if *kind == 1 {
            return Some(Distinct::About(Box::new(postcard::from_bytes(rest).ok()?)));
        }
        let values = rest.as_chunks::<16>().0;
        let mut set = HashTable::with_capacity(values.len());
        for value in values.iter().map(|c| u128::from_le_bytes(*c)) {
            set.insert_unique(value as u64, value, |v| *v as u64);
        }
        Some(Distinct::Exact(set))
    }

    fn size(&self) -> usize {
        match self {
            Distinct::Exact(set) => set.capacity() * 17,
            Distinct::About(estimate) => estimate.size_of(),
        }
    }
}

const BOOLEAN_SEED: u64 = 1;
const INTEGER_SEED: u64 = 2;
const FLOAT_SEED: u64 = 3;

fn integer_hash(value: i64) -> u128 {
    xxh3_128_with_seed(&value.to_le_bytes(), INTEGER_SEED)
}

fn float_hash(value: f64) -> u128 {
    let integer = value as i64;
    if integer as f64 == value && integer != i64::MAX {
        return integer_hash(integer);
    }
    xxh3_128_with_seed(&value.to_bits().to_le_bytes(), FLOAT_SEED)
}

/// Calls `each` with the hash of every value of a column.
fn hashes(column: &ArrayRef, mut each: impl FnMut(usize, u128)) -> Result<()> {
    let valid = (0..column.len()).filter(|row| column.is_valid(*row));
    match column.data_type() {
        DataType::Boolean => {
            let values = column.as_boolean();
            valid.for_each(|row| each(row, xxh3_128_with_seed(&[u8::from(values.value(row))], BOOLEAN_SEED)));
        }
        DataType::Int64 => {
            let values = column.as_primitive::<Int64Type>();
            valid.for_each(|row| each(row, integer_hash(values.value(row))));
        }
        DataType::Float64 => {
            let values = column.as_primitive::<Float64Type>();
            valid.for_each(|row| each(row, float_hash(values.value(row))));
        }
        DataType::Utf8View => {
            let values = column.as_string_view();
            valid.for_each(|row| each(row, xxh3_128(values.value(row).as_bytes())));
        }
        DataType::Null => {}
        other => return exec_err!("distinct_count cannot take {other}"),
    }
    Ok(())
}

#[derive(Debug)]
struct DistinctGroups {
    groups: Vec<Distinct>,
    max: usize,
    flag: DistinctFlag,
    bytes: usize,
}

impl DistinctGroups {
    fn add(&mut self, group: usize, value: u128) {
        let distinct = &mut self.groups[group];
        let before = distinct.size();
        distinct.add(value, self.max, &self.flag);
        self.bytes = (self.bytes + distinct.size()).saturating_sub(before);
    }

    fn states(&mut self, emit_to: EmitTo) -> ArrayRef {
        let mut builder = BinaryBuilder::new();
        for distinct in emit_to.take_needed(&mut self.groups) {
            builder.append_value(distinct.to_bytes());
        }
        self.bytes = self.groups.iter().map(Distinct::size).sum();
        Arc::new(builder.finish())
    }

    fn merge_state(&mut self, group: usize, bytes: &[u8]) {
        if let Some(other) = Distinct::from_bytes(bytes) {
            let distinct = &mut self.groups[group];
            let before = distinct.size();
            distinct.merge(other, self.max, &self.flag);
            self.bytes = (self.bytes + distinct.size()).saturating_sub(before);
        }
    }
}

impl GroupsAccumulator for DistinctGroups {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        opt_filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        self.groups.resize(total_num_groups, Distinct::default());
        let passes = |row: usize| opt_filter.is_none_or(|f| f.is_valid(row) && f.value(row));
        for column in values {
            hashes(column, |row, value| {
                if passes(row) {
                    self.add(group_indices[row], value);
                }
            })?;
        }
        Ok(())
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let groups = emit_to.take_needed(&mut self.groups);
        self.bytes = self.groups.iter().map(Distinct::size).sum();
        Ok(Arc::new(Int64Array::from_iter_values(groups.iter().map(Distinct::count))))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        Ok(vec![self.states(emit_to)])
    }

    fn merge_batch(&mut self, values: &[ArrayRef], group_indices: &[usize], total_num_groups: usize) -> Result<()> {
        self.groups.resize(total_num_groups, Distinct::default());
        let states = values[0].as_binary::<i32>();
        for (row, group) in group_indices.iter().enumerate().filter(|(row, _)| states.is_valid(*row)) {
            self.merge_state(*group, states.value(row));
        }
        Ok(())
    }

    fn convert_to_state(&self, values: &[ArrayRef], opt_filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        let rows = values[0].len();
        let mut single = DistinctGroups { groups: Vec::new(), max: self.max, flag: self.flag.clone(), bytes: 0 };
        let each: Vec<usize> = (0..rows).collect();
        GroupsAccumulator::update_batch(&mut single, values, &each, opt_filter, rows)?;
        GroupsAccumulator::state(&mut single, EmitTo::All)
    }

    fn size(&self) -> usize {
        self.bytes + self.groups.capacity() * size_of::<Distinct>()
    }
}

impl Accumulator for DistinctGroups {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let rows = values.first().map_or(0, |v| v.len());
        GroupsAccumulator::update_batch(self, values, &vec![0; rows], None, 1)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.groups.resize(1, Distinct::default());
        Ok(ScalarValue::Int64(Some(self.groups[0].count())))
    }

    fn size(&self) -> usize {
        GroupsAccumulator::size(self)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.groups.resize(1, Distinct::default());
        let bytes = self.groups[0].to_bytes();
        Ok(vec![ScalarValue::Binary(Some(bytes))])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let rows = states[0].len();
        GroupsAccumulator::merge_batch(self, states, &vec![0; rows], 1)
    }
}
