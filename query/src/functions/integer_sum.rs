//! The sum of integers, weighted, 128 bit inside: it never wraps and never rounds.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Decimal128Array};
use arrow::datatypes::{DataType, Decimal128Type, Field, FieldRef, Int64Type};
use datafusion::common::{Result, ScalarValue, exec_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, EmitTo, Expr, GroupsAccumulator, Signature, Volatility,
};

const SUM_TYPE: DataType = DataType::Decimal128(38, 0);

/// Σ value × weight over rows with a value (both Int64), as Decimal128(38, 0); null without a value.
pub(crate) fn integer_sum(value: Expr, weight: Expr) -> Expr {
    let signature = Signature::exact(vec![DataType::Int64, DataType::Int64], Volatility::Immutable);
    AggregateUDF::from(IntegerSum { signature }).call(vec![value, weight])
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct IntegerSum {
    signature: Signature,
}

impl AggregateUDFImpl for IntegerSum {
    fn name(&self) -> &str {
        "integer_sum"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(SUM_TYPE)
    }

    fn accumulator(&self, _: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Sums::default()))
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        Ok(vec![Arc::new(Field::new(format!("{}[sum]", args.name), SUM_TYPE, true))])
    }

    fn groups_accumulator_supported(&self, _: AccumulatorArgs) -> bool {
        true
    }

    fn create_groups_accumulator(&self, _: AccumulatorArgs) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(Sums::default()))
    }
}

#[derive(Debug, Default)]
struct Sums(Vec<Option<i128>>);

impl Sums {
    fn add(&mut self, group: usize, value: i128) {
        let sum = &mut self.0[group];
        *sum = Some(sum.unwrap_or(0).saturating_add(value));
    }

    fn add_rows(&mut self, values: &[ArrayRef], group: impl Fn(usize) -> Option<usize>) -> Result<()> {
        let [value, weight] = values else { return exec_err!("integer_sum takes a value and a weight") };
        let (value, weight) = (value.as_primitive::<Int64Type>(), weight.as_primitive::<Int64Type>());
        for row in (0..value.len()).filter(|row| value.is_valid(*row)) {
            if let Some(group) = group(row) {
                self.add(group, i128::from(value.value(row)) * i128::from(weight.value(row)));
            }
        }
        Ok(())
    }

    fn emit(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let sums = emit_to.take_needed(&mut self.0);
        Ok(Arc::new(sums.into_iter().collect::<Decimal128Array>().with_precision_and_scale(38, 0)?))
    }
}

impl GroupsAccumulator for Sums {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        opt_filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        self.0.resize(total_num_groups, None);
        let passes = |row: usize| opt_filter.is_none_or(|f| f.is_valid(row) && f.value(row));
        self.add_rows(values, |row| passes(row).then(|| group_indices[row]))
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        self.emit(emit_to)
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        Ok(vec![self.emit(emit_to)?])
    }

    fn merge_batch(&mut self, values: &[ArrayRef], group_indices: &[usize], total_num_groups: usize) -> Result<()> {
        self.0.resize(total_num_groups, None);
        let states = values[0].as_primitive::<Decimal128Type>();
        for (row, group) in group_indices.iter().enumerate().filter(|(row, _)| states.is_valid(*row)) {
            self.add(*group, states.value(row));
        }
        Ok(())
    }

    fn convert_to_state(&self, values: &[ArrayRef], opt_filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        let rows = values[0].len();
        let mut single = Sums::default();
        let each: Vec<usize> = (0..rows).collect();
        GroupsAccumulator::update_batch(&mut single, values, &each, opt_filter, rows)?;
        GroupsAccumulator::state(&mut single, EmitTo::All)
    }

    fn size(&self) -> usize {
        self.0.capacity() * size_of::<Option<i128>>()
    }
}

impl Accumulator for Sums {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.0.resize(1, None);
        self.add_rows(values, |_| Some(0))
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.0.resize(1, None);
        Ok(ScalarValue::Decimal128(self.0[0], 38, 0))
    }

    fn size(&self) -> usize {
        GroupsAccumulator::size(self)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![Accumulator::evaluate(self)?])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let rows = states[0].len();
        GroupsAccumulator::merge_batch(self, states, &vec![0; rows], 1)
    }
}
