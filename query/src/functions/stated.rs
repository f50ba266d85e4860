//! Aggregates over (moment, value, weight) whose state is a few bytes a group: what they share.
//!
//! [`change`](super::change) and [`concurrency`](super::concurrency) say what is kept. It must not know specs or fields.

use std::fmt::Debug;
use std::hash::Hash;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BinaryBuilder, BooleanArray};
use arrow::datatypes::{DataType, Field, FieldRef, Float64Type, Int64Type};
use datafusion::common::{Result, ScalarValue, exec_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, EmitTo, Expr, GroupsAccumulator, Signature, Volatility,
};

/// What is kept of a group.
pub(super) trait State: Clone + Debug + Default + Send + Sync + 'static {
    const NAME: &'static str;
    /// What all groups of one calculation have in common.
    type Settings: Clone + Debug + Eq + Hash + Send + Sync + 'static;

    fn add(&mut self, settings: &Self::Settings, moment: i64, value: f64, weight: i64);
    fn merge(&mut self, other: &Self);
    /// Nothing for a group without values.
    fn encode(&self) -> Option<Vec<u8>>;
    fn decode(bytes: &[u8]) -> Option<Self>;
    /// Bytes beside its own.
    fn heap_bytes(&self) -> usize;
}

/// The aggregate's state over rows with a value, as bytes: moment and weight are Int64, the value Float64.
pub(super) fn stated<S: State>(settings: S::Settings, moment: Expr, value: Expr, weight: Expr) -> Expr {
    let signature = Signature::exact(vec![DataType::Int64, DataType::Float64, DataType::Int64], Volatility::Immutable);
    AggregateUDF::from(Stated::<S> { signature, settings }).call(vec![moment, value, weight])
}

#[derive(Debug)]
struct Stated<S: State> {
    signature: Signature,
    settings: S::Settings,
}

impl<S: State> PartialEq for Stated<S> {
    fn eq(&self, other: &Stated<S>) -> bool {
        self.settings == other.settings
    }
}

impl<S: State> Eq for Stated<S> {}

impl<S: State> Hash for Stated<S> {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        (S::NAME, &self.settings).hash(state);
    }
}

impl<S: State> AggregateUDFImpl for Stated<S> {
    fn name(&self) -> &str {
        S::NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Binary)
    }

    fn accumulator(&self, _: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Groups::<S>::new(self.settings.clone())))
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        Ok(vec![Arc::new(Field::new(format!("{}[state]", args.name), DataType::Binary, true))])
    }

    fn groups_accumulator_supported(&self, _: AccumulatorArgs) -> bool {
        true
    }

    fn create_groups_accumulator(&self, _: AccumulatorArgs) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(Groups::<S>::new(self.settings.clone())))
    }
}

#[derive(Debug)]
struct Groups<S: State> {
    settings: S::Settings,
    groups: Vec<S>,
    heap_bytes: usize,
}

impl<S: State> Groups<S> {
    fn new(settings: S::Settings) -> Groups<S> {
        Groups { settings, groups: Vec::new(), heap_bytes: 0 }
    }

    fn change(&mut self, group: usize, by: impl FnOnce(&mut S, &S::Settings)) {
        let state = &mut self.groups[group];
        let before = state.heap_bytes();
        by(state, &self.settings);
        self.heap_bytes = self.heap_bytes + state.heap_bytes() - before;
    }

    fn add_rows(&mut self, values: &[ArrayRef], group: impl Fn(usize) -> Option<usize>) -> Result<()> {
        let [moment, value, weight] = values else { return exec_err!("{} takes three arguments", S::NAME) };
        let (moment, weight) = (moment.as_primitive::<Int64Type>(), weight.as_primitive::<Int64Type>());
        let value = value.as_primitive::<Float64Type>();
        for row in (0..value.len()).filter(|row| value.is_valid(*row)) {
            if let Some(group) = group(row) {
                let (moment, value, weight) = (moment.value(row), value.value(row), weight.value(row));
                self.change(group, |state, settings| state.add(settings, moment, value, weight));
            }
        }
        Ok(())
    }

    fn merge_rows(&mut self, values: &[ArrayRef], group: impl Fn(usize) -> usize) {
        let states = values[0].as_binary::<i32>();
        for row in (0..states.len()).filter(|row| states.is_valid(*row)) {
            if let Some(other) = S::decode(states.value(row)) {
                self.change(group(row), |state, _| state.merge(&other));
            }
        }
    }

    fn emit(&mut self, emit_to: EmitTo) -> ArrayRef {
        let mut builder = BinaryBuilder::new();
        for state in emit_to.take_needed(&mut self.groups) {
            builder.append_option(state.encode());
        }
        self.heap_bytes = self.groups.iter().map(State::heap_bytes).sum();
        Arc::new(builder.finish())
    }
}

impl<S: State> GroupsAccumulator for Groups<S> {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        opt_filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        self.groups.resize(total_num_groups, S::default());
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
        self.groups.resize(total_num_groups, S::default());
        self.merge_rows(values, |row| group_indices[row]);
        Ok(())
    }

    fn convert_to_state(&self, values: &[ArrayRef], opt_filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        let rows = values[0].len();
        let mut single = Groups::<S>::new(self.settings.clone());
        let each: Vec<usize> = (0..rows).collect();
        GroupsAccumulator::update_batch(&mut single, values, &each, opt_filter, rows)?;
        GroupsAccumulator::state(&mut single, EmitTo::All)
    }

    fn size(&self) -> usize {
        self.heap_bytes + self.groups.capacity() * size_of::<S>()
    }
}

impl<S: State> Accumulator for Groups<S> {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.groups.resize(1, S::default());
        self.add_rows(values, |_| Some(0))
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.groups.resize(1, S::default());
        ScalarValue::try_from_array(&self.emit(EmitTo::All), 0)
    }

    fn size(&self) -> usize {
        GroupsAccumulator::size(self)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![Accumulator::evaluate(self)?])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.groups.resize(1, S::default());
        self.merge_rows(states, |_| 0);
        Ok(())
    }
}
