//! `sum` in SQL: over integers it is 128 bits inside, and an error where it leaves 64, since DataFusion's own wraps. Over all else
//! it is DataFusion's. It must not know statements.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BooleanArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Decimal128Type, Field, FieldRef};
use datafusion::common::{Result, ScalarValue, exec_err, not_impl_err};
use datafusion::functions_aggregate::sum::sum_udaf;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Documentation, EmitTo, GroupsAccumulator, ReversedUDAF,
    SetMonotonicity, Signature,
};

/// What integers are added up as.
const WIDE: DataType = DataType::Decimal128(38, 0);

/// See the module.
pub(super) fn sum() -> AggregateUDF {
    AggregateUDF::from(Sum { own: sum_udaf() })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Sum {
    /// DataFusion's.
    own: Arc<AggregateUDF>,
}

fn is_narrow(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Int64 | DataType::UInt64)
}

/// The same for an argument that has been made wide.
fn widened(field: &FieldRef) -> FieldRef {
    Arc::new(Field::new(field.name(), WIDE, true))
}

/// Calls with arguments as they are for an argument that has been made wide.
fn wide<T>(args: &AccumulatorArgs<'_>, call: impl FnOnce(AccumulatorArgs<'_>) -> Result<T>) -> Result<T> {
    let fields: Vec<FieldRef> = args.expr_fields.iter().map(widened).collect();
    call(AccumulatorArgs { return_field: widened(&args.return_field), expr_fields: &fields, ..args.clone() })
}

impl AggregateUDFImpl for Sum {
    fn name(&self) -> &str {
        self.own.name()
    }

    fn signature(&self) -> &Signature {
        self.own.signature()
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        self.own.coerce_types(types)
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.own.return_type(types)
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let of = args.return_field.data_type().clone();
        match is_narrow(&of) {
            true => Ok(Box::new(Narrowed { inner: wide(&args, |args| self.own.accumulator(args))?, of })),
            false => self.own.accumulator(args),
        }
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let of = args.return_field.data_type().clone();
        if !is_narrow(&of) {
            return self.own.inner().create_sliding_accumulator(args);
        }
        if args.is_distinct {
            return not_impl_err!("sum(DISTINCT x) of integers over a window that moves; sum them in a subquery");
        }
        let inner = wide(&args, |args| self.own.inner().create_sliding_accumulator(args))?;
        Ok(Box::new(Narrowed { inner, of }))
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        if !is_narrow(args.return_field.data_type()) {
            return self.own.inner().state_fields(args);
        }
        let inputs: Vec<FieldRef> = args.input_fields.iter().map(widened).collect();
        let return_field = widened(&args.return_field);
        self.own.inner().state_fields(StateFieldsArgs { input_fields: &inputs, return_field, ..args })
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        self.own.groups_accumulator_supported(args)
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn GroupsAccumulator>> {
        let of = args.return_field.data_type().clone();
        match is_narrow(&of) {
            true => Ok(Box::new(Narrowed { inner: wide(&args, |args| self.own.create_groups_accumulator(args))?, of })),
            false => self.own.create_groups_accumulator(args),
        }
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        ReversedUDAF::Identical
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.own.documentation()
    }

    fn set_monotonicity(&self, data_type: &DataType) -> SetMonotonicity {
        self.own.inner().set_monotonicity(data_type)
    }
}

/// An accumulator of wide numbers, for narrow ones.
#[derive(Debug)]
struct Narrowed<A> {
    inner: A,
    of: DataType,
}

impl<A> Narrowed<A> {
    fn widen(&self, values: &[ArrayRef]) -> Result<Vec<ArrayRef>> {
        values.iter().map(|values| Ok(cast(values, &WIDE)?)).collect()
    }

    /// What nobody could tell from another sum is none.
    fn narrow(&self, sums: &ArrayRef) -> Result<ArrayRef> {
        let fits = |sum: i128| match self.of {
            DataType::UInt64 => u64::try_from(sum).is_ok(),
            _ => i64::try_from(sum).is_ok(),
        };
        match sums.as_primitive::<Decimal128Type>().iter().flatten().find(|sum| !fits(*sum)) {
            Some(_) => exec_err!(
                "a sum of integers is beyond 64 bits; write sum(x::double precision), which rounds, or sum(x::numeric(38, 0))"
            ),
            None => Ok(cast(sums, &self.of)?),
        }
    }
}

impl Accumulator for Narrowed<Box<dyn Accumulator>> {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let values = self.widen(values)?;
        self.inner.update_batch(&values)
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let values = self.widen(values)?;
        self.inner.retract_batch(&values)
    }

    fn supports_retract_batch(&self) -> bool {
        self.inner.supports_retract_batch()
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let sum = self.inner.evaluate()?.to_array()?;
        ScalarValue::try_from_array(&self.narrow(&sum)?, 0)
    }

    fn size(&self) -> usize {
        self.inner.size()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.inner.state()
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.inner.merge_batch(states)
    }
}

impl GroupsAccumulator for Narrowed<Box<dyn GroupsAccumulator>> {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        opt_filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        let values = self.widen(values)?;
        self.inner.update_batch(&values, group_indices, opt_filter, total_num_groups)
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let sums = self.inner.evaluate(emit_to)?;
        self.narrow(&sums)
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        self.inner.state(emit_to)
    }

    fn merge_batch(&mut self, values: &[ArrayRef], group_indices: &[usize], total_num_groups: usize) -> Result<()> {
        self.inner.merge_batch(values, group_indices, total_num_groups)
    }

    fn convert_to_state(&self, values: &[ArrayRef], opt_filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        self.inner.convert_to_state(&self.widen(values)?, opt_filter)
    }

    fn size(&self) -> usize {
        self.inner.size()
    }
}
