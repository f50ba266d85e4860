//! The values of a page while it is fetched, and how many of its rows an answer can have. Knows no columns of files.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use outcrop_storage::event::reserved;
use serde_json::Value;

use crate::answer::AnswerColumn;
use crate::limits;

/// Values held while fetching. They may be more than the answer will have cells: which rows it has is known afterwards.
const VALUES_MAX: usize = 2 * limits::ROWS_CELLS_MAX;

/// The values of a page, by field: most events have few of the fields that all of them have together.
#[derive(Default)]
pub(super) struct Cells {
    rows: usize,
    values: usize,
    fields: BTreeMap<String, Vec<Cell>>,
}

struct Cell {
    row: usize,
    type_label: &'static str,
    value: Value,
}

impl Cells {
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// Whether no more should be fetched: what is there of the last rows may not be all.
    pub(super) fn is_full(&self) -> bool {
        self.values > VALUES_MAX
    }

    /// Makes room for further rows.
    pub(super) fn add_rows(&mut self, rows: usize) {
        self.rows += rows;
    }

    pub(super) fn put(&mut self, name: &str, type_label: &'static str, row: usize, value: Value) {
        if value.is_null() {
            return;
        }
        self.values += 1;
        let cell = Cell { row, type_label, value };
        match self.fields.get_mut(name) {
            Some(cells) => cells.push(cell),
            None => {
                self.fields.insert(name.to_owned(), vec![cell]);
            }
        }
    }

    /// How many of the first rows an answer can have, at least one: of the columns chosen, or of those that they have
    /// values in.
    pub(super) fn fitting(&self, chosen: Option<&[String]>) -> usize {
        if let Some(names) = chosen {
            return self.rows.min((limits::ROWS_CELLS_MAX / names.len().max(1)).max(1));
        }
        let mut new_columns = vec![0; self.rows];
        for cells in self.fields.values() {
            if let Some(first) = cells.iter().map(|c| c.row).min() {
                new_columns[first] += 1;
            }
        }
        let mut columns = 0;
        let fits = |(row, new): (usize, &usize)| {
            columns += new;
            row == 0 || columns * (row + 1) <= limits::ROWS_CELLS_MAX
        };
        new_columns.iter().enumerate().map(fits).take_while(|fits| *fits).count()
    }

    pub(super) fn truncate(&mut self, rows: usize) {
        self.rows = rows;
        self.fields.retain(|_, cells| {
            cells.retain(|c| c.row < rows);
            !cells.is_empty()
        });
        self.values = self.fields.values().map(Vec::len).sum();
    }

    /// Whether some event stands for more than itself.
    fn sampled(&self) -> bool {
        self.fields.get(reserved::SAMPLE_RATE).is_some_and(|cells| cells.iter().any(|c| c.value.as_i64() != Some(1)))
    }

    /// The fields that have a value: the time first, and how many events each stands for only where one stands for
    /// several.
    pub(super) fn names(&self) -> Vec<String> {
        let hidden = |name: &str| name == reserved::TIMESTAMP || (name == reserved::SAMPLE_RATE && !self.sampled());
        let shown = self.fields.keys().filter(|name| !hidden(name)).cloned();
        std::iter::once(reserved::TIMESTAMP.to_owned()).chain(shown).collect()
    }

    /// The fields of each row, by name. A field with two values in one row has the first.
    pub(super) fn into_events(self) -> Vec<Vec<(Arc<str>, Value)>> {
        let mut events = vec![Vec::new(); self.rows];
        for (name, cells) in self.fields {
            let name: Arc<str> = name.into();
            for cell in cells {
                let event: &mut Vec<(Arc<str>, Value)> = &mut events[cell.row];
                if event.last().is_none_or(|(last, _)| *last != name) {
                    event.push((Arc::clone(&name), cell.value));
                }
            }
        }
        events
    }

    pub(super) fn into_rows(self, names: &[String]) -> (Vec<AnswerColumn>, Vec<Vec<Value>>) {
        let mut columns: Vec<AnswerColumn> =
            names.iter().map(|name| AnswerColumn { name: name.clone(), type_label: "null" }).collect();
        let mut rows = vec![vec![Value::Null; names.len()]; self.rows];
        // The same name twice gives the same values twice.
        let mut places: HashMap<&str, Vec<usize>> = HashMap::new();
        for (at, name) in names.iter().enumerate() {
            places.entry(name).or_default().push(at);
        }
        for (name, cells) in self.fields {
            let Some([first, others @ ..]) = places.get(name.as_str()).map(Vec::as_slice) else { continue };
            for cell in cells {
                for at in std::iter::once(first).chain(others) {
                    let label = &mut columns[*at].type_label;
                    *label = if [cell.type_label, "null"].contains(label) { cell.type_label } else { "mixed" };
                }
                for at in others {
                    rows[cell.row][*at] = cell.value.clone();
                }
                rows[cell.row][*first] = cell.value;
            }
        }
        (columns, rows)
    }
}
