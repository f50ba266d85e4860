//! Syntax → an expression that can be calculated: functions found, patterns compiled, names of other calculated fields
//! replaced by what they stand for. Must not know which fields exist.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::format::{Item, StrftimeItems};
use outcrop_storage::event::reserved;
use regex::Regex;
use serde_json::json;

use super::functions::{self, FUNCTIONS, Function, Known, Named, PatternFunction, Types};
use super::lookup::Table;
use super::parse::{Fault, Syntax, SyntaxKind, parse};
use super::value::Value;
use crate::error::{QueryError, QueryErrorKind};
use crate::spec::CalculatedFieldSpec;
use crate::{limits, text};

/// A part of an expression. Branches are calculated only where they are taken.
#[derive(Clone, Debug)]
pub(super) enum Node {
    Literal(Value<'static>),
    /// By its place in [`Expression::inputs`].
    Input(usize),
    If(Vec<(Node, Node)>, Option<Box<Node>>),
    Switch(Box<Node>, Vec<(Value<'static>, Node)>, Option<Box<Node>>),
    Call(Function, Vec<Node>),
    Pattern(PatternFunction, Box<Node>, Regex),
    FormatTime(Arc<[Item<'static>]>, Box<Node>),
    /// A field of the event with the key that these texts make; absent if one of them is.
    Lookup(Arc<Table>, usize, Vec<Node>),
    /// Whether there is one.
    Found(Arc<Table>, Vec<Node>),
}

/// What a text means.
#[derive(Clone, Debug)]
pub(crate) struct Expression {
    pub(super) node: Node,
    /// The names that it needs the values of, each once.
    pub(crate) inputs: Vec<String>,
    nodes: usize,
    depth: usize,
}

/// The calculated fields of one question, by name.
#[derive(Clone, Debug, Default)]
pub(crate) struct CalculatedFields(Arc<BTreeMap<String, Arc<Expression>>>);

impl CalculatedFields {
    pub(crate) fn new(specs: &[CalculatedFieldSpec]) -> Result<CalculatedFields, QueryError> {
        for spec in specs {
            if let Some(wrong) = wrong_name(&spec.name) {
                return Err(QueryError::malformed(format!(
                    "a calculated field cannot be called {:?}: {wrong}",
                    spec.name
                )));
            }
        }
        let of_event = |name: &str| (name != "*").then_some(()).ok_or_else(|| "* is no field".to_owned());
        let checked = Texts { kind: "calculated field", specs, known: &of_event }.check()?;
        Ok(CalculatedFields(Arc::new(checked)))
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Arc<Expression>> {
        self.0.get(name)
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The names of what senders sent that these names stand for.
    pub(crate) fn inputs_of<'n>(&'n self, names: BTreeSet<&'n str>) -> BTreeSet<&'n str> {
        let inputs = |name: &'n str| match self.get(name) {
            Some(expression) => expression.inputs.iter().map(String::as_str).collect(),
            None => vec![name],
        };
        names.into_iter().flat_map(inputs).collect()
    }
}

impl CalculatedFields {
    /// With further fields, which the others may be calculated from.
    pub(crate) fn with(&self, further: BTreeMap<String, Arc<Expression>>) -> CalculatedFields {
        let replaced = |expression: &Arc<Expression>| match expression.inputs.iter().any(|i| further.contains_key(i)) {
            true => Arc::new(expression.replaced(&further)),
            false => Arc::clone(expression),
        };
        let mut all: BTreeMap<String, Arc<Expression>> = self.0.iter().map(|(n, e)| (n.clone(), replaced(e))).collect();
        all.extend(further);
        CalculatedFields(Arc::new(all))
    }
}

impl Expression {
    /// An expression of ours.
    pub(crate) fn trusted(text: &str) -> Result<Expression, QueryError> {
        let wrong = |fault: Fault| QueryError::internal(format!("{text}: {}", fault.message));
        let syntax = parse(text).map_err(wrong)?;
        let mut checker = Checker { others: &BTreeMap::new(), inputs: Vec::new(), nodes: 0 };
        let (node, depth) = checker.node(&syntax).map_err(wrong)?;
        Ok(Expression { node, inputs: checker.inputs, nodes: checker.nodes, depth })
    }

    /// The field of what is found by these keys.
    pub(crate) fn lookup(table: &Arc<Table>, field: usize, keys: &[&Expression]) -> Expression {
        Expression::keyed(keys, |keys| Node::Lookup(Arc::clone(table), field, keys))
    }

    /// Whether something is found by these keys.
    pub(crate) fn found(table: &Arc<Table>, keys: &[&Expression]) -> Expression {
        Expression::keyed(keys, |keys| Node::Found(Arc::clone(table), keys))
    }

    fn keyed(keys: &[&Expression], of: impl FnOnce(Vec<Node>) -> Node) -> Expression {
        let mut inputs: Vec<String> = Vec::new();
        let nodes = keys.iter().map(|key| key.placed(&mut inputs)).collect();
        let depth = keys.iter().map(|key| key.depth).max().unwrap_or(0) + 1;
        Expression { node: of(nodes), inputs, nodes: 1 + keys.iter().map(|key| key.nodes).sum::<usize>(), depth }
    }

    /// Its node with inputs in these places, which it adds to.
    fn placed(&self, inputs: &mut Vec<String>) -> Node {
        let mut place = |name: &String| {
            inputs.iter().position(|known| known == name).unwrap_or_else(|| {
                inputs.push(name.clone());
                inputs.len() - 1
            })
        };
        let places: Vec<usize> = self.inputs.iter().map(&mut place).collect();
        moved(&self.node, &places)
    }

    /// With what some of its inputs stand for.
    fn replaced(&self, by: &BTreeMap<String, Arc<Expression>>) -> Expression {
        let mut inputs = Vec::new();
        let itself =
            |name: &String| Expression { node: Node::Input(0), inputs: vec![name.clone()], nodes: 1, depth: 1 };
        let mut part = |name: &String| match by.get(name) {
            Some(expression) => expression.placed(&mut inputs),
            None => itself(name).placed(&mut inputs),
        };
        let parts: Vec<Node> = self.inputs.iter().map(&mut part).collect();
        let node = substituted(&self.node, &parts);
        Expression { node, inputs, nodes: self.nodes, depth: self.depth }
    }
}

fn wrong_name(name: &str) -> Option<&'static str> {
    let of_store = [reserved::TIMESTAMP, reserved::SAMPLE_RATE];
    if name.is_empty() || name.len() > 256 || name.chars().any(char::is_control) {
        return Some("a name has 1 to 256 bytes and no control characters");
    }
    (name == "*" || name.starts_with("meta.") || of_store.contains(&name)).then_some("the name belongs to the store")
}

/// Formulas over the calculations of these names, in the order given.
pub(crate) fn formulas(
    specs: &[CalculatedFieldSpec],
    calculations: &[&str],
) -> Result<Vec<(String, Arc<Expression>)>, QueryError> {
    for spec in specs {
        if spec.name.is_empty() || calculations.contains(&spec.name.as_str()) {
            return Err(QueryError::impossible(
                "duplicate_name",
                format!("a formula cannot be called {:?}; give it a name that no calculation has", spec.name),
            ));
        }
    }
    let known = |name: &str| {
        let message = || format!("${name} is no calculation of this query; there are ${}", calculations.join(", $"));
        calculations.contains(&name).then_some(()).ok_or_else(message)
    };
    let mut checked = Texts { kind: "formula", specs, known: &known }.check()?;
    Ok(specs.iter().filter_map(|spec| checked.remove_entry(&spec.name)).collect())
}

/// Expressions that may name each other.
struct Texts<'a> {
    kind: &'static str,
    specs: &'a [CalculatedFieldSpec],
    /// Whether a name that is none of theirs can be an input, or why not.
    known: &'a dyn Fn(&str) -> Result<(), String>,
}

/// One of them on its way.
enum Progress {
    Parsed(Syntax),
    /// Its own inputs are looked at.
    Begun,
    Checked(Arc<Expression>),
}

impl Texts<'_> {
    fn check(&self) -> Result<BTreeMap<String, Arc<Expression>>, QueryError> {
        let mut progress: Vec<Progress> = Vec::new();
        for (at, spec) in self.specs.iter().enumerate() {
            if self.specs[..at].iter().any(|other| other.name == spec.name) {
                return Err(QueryError::impossible(
                    "duplicate_name",
                    format!("two of them are called {:?}; give one {} another name", spec.name, self.kind),
                ));
            }
            progress.push(Progress::Parsed(self.parse(at)?));
        }
        let mut checked = BTreeMap::new();
        for (at, spec) in self.specs.iter().enumerate() {
            checked.insert(spec.name.clone(), self.visit(at, &mut progress)?);
        }
        Ok(checked)
    }

    fn parse(&self, at: usize) -> Result<Syntax, QueryError> {
        let text = self.specs[at].expression.as_str();
        if text.len() > limits::EXPRESSION_BYTES_MAX {
            let long = format!("an expression may have {} bytes", limits::EXPRESSION_BYTES_MAX);
            return Err(self.error(at, &Fault::new(0, long)));
        }
        parse(text).map_err(|fault| self.error(at, &fault))
    }

    /// Checks one expression after those that it names.
    fn visit(&self, at: usize, progress: &mut [Progress]) -> Result<Arc<Expression>, QueryError> {
        let syntax = match std::mem::replace(&mut progress[at], Progress::Begun) {
            Progress::Checked(expression) => {
                progress[at] = Progress::Checked(Arc::clone(&expression));
                return Ok(expression);
            }
            Progress::Parsed(syntax) => syntax,
            Progress::Begun => return Err(QueryError::internal("an expression was checked twice")),
        };
        let mut others = BTreeMap::new();
        for (place, name) in columns(&syntax) {
            let Some(other) = self.specs.iter().position(|spec| spec.name == name) else {
                (self.known)(name).map_err(|message| self.error(at, &Fault::new(place, message)))?;
                continue;
            };
            if matches!(progress[other], Progress::Begun) {
                let message = format!(
                    "${name} needs the value of {:?} itself; use another name for one of them",
                    self.specs[at].name
                );
                return Err(self.error(at, &Fault::new(place, message)));
            }
            others.insert(name.to_owned(), self.visit(other, progress)?);
        }
        let mut checker = Checker { others: &others, inputs: Vec::new(), nodes: 0 };
        let (node, depth) = checker.node(&syntax).map_err(|fault| self.error(at, &fault))?;
        let expression = Arc::new(Expression { node, inputs: checker.inputs, nodes: checker.nodes, depth });
        progress[at] = Progress::Checked(Arc::clone(&expression));
        Ok(expression)
    }

    fn error(&self, at: usize, fault: &Fault) -> QueryError {
        let spec = &self.specs[at];
        let before = spec.expression.get(..fault.at).unwrap_or(&spec.expression);
        let position = before.chars().count() + 1;
        let message = format!("{} {:?}, character {position}: {}", self.kind, spec.name, fault.message);
        QueryError::new(QueryErrorKind::Malformed, "malformed_expression", message)
            .with(json!({ "name": spec.name, "position": position }))
    }
}

/// The columns that syntax names, and where.
fn columns(syntax: &Syntax) -> Vec<(usize, &str)> {
    match &syntax.kind {
        SyntaxKind::Column(name) => vec![(syntax.at, name)],
        SyntaxKind::Literal(_) => Vec::new(),
        SyntaxKind::Call(_, arguments) => arguments.iter().flat_map(columns).collect(),
    }
}

struct Checker<'a> {
    /// What names of other expressions stand for.
    others: &'a BTreeMap<String, Arc<Expression>>,
    inputs: Vec<String>,
    nodes: usize,
}

type Checked = (Node, usize);

impl Checker<'_> {
    /// A node, and how deep it is.
    fn node(&mut self, syntax: &Syntax) -> Result<Checked, Fault> {
        self.nodes += 1;
        let (node, depth) = match &syntax.kind {
            SyntaxKind::Literal(value) => (Node::Literal(value.clone()), 1),
            SyntaxKind::Column(name) => match self.others.get(name) {
                Some(other) => {
                    self.nodes += other.nodes;
                    let places: Vec<usize> = other.inputs.iter().map(|name| self.input(name)).collect();
                    // Before it is copied: a chain of fields that each name another twice doubles with every one.
                    self.bounded(syntax, other.depth + 1)?;
                    (moved(&other.node, &places), other.depth + 1)
                }
                None => (Node::Input(self.input(name)), 1),
            },
            SyntaxKind::Call(name, arguments) => self.call(syntax, name, arguments)?,
        };
        self.bounded(syntax, depth)?;
        Ok((node, depth))
    }

    fn bounded(&self, syntax: &Syntax, depth: usize) -> Result<(), Fault> {
        if depth > limits::EXPRESSION_LEVELS_MAX {
            let message =
                format!("with the fields that it names this is deeper than {} levels", limits::EXPRESSION_LEVELS_MAX);
            return Err(Fault::new(syntax.at, message));
        }
        if self.nodes > limits::EXPRESSION_NODES_MAX {
            let message =
                format!("with the fields that it names this has more than {} parts", limits::EXPRESSION_NODES_MAX);
            return Err(Fault::new(syntax.at, message));
        }
        Ok(())
    }

    fn input(&mut self, name: &str) -> usize {
        self.inputs.iter().position(|known| known == name).unwrap_or_else(|| {
            self.inputs.push(name.to_owned());
            self.inputs.len() - 1
        })
    }

    fn call(&mut self, syntax: &Syntax, name: &str, arguments: &[Syntax]) -> Result<Checked, Fault> {
        let known = FUNCTIONS.iter().find(|f| f.name == name).ok_or_else(|| unknown_function(syntax.at, name))?;
        if !(known.arguments.0..=known.arguments.1).contains(&arguments.len()) {
            return Err(Fault::new(syntax.at, wrong_count(known, arguments.len())));
        }
        match (known.named, arguments) {
            (Named::System(name), _) => Ok((Node::Input(self.input(name)), 1)),
            (Named::Random, _) => {
                let sequence = Node::Input(self.input(reserved::SEQUENCE));
                Ok((Node::Call(Function::Random, vec![sequence]), 2))
            }
            (Named::Metrics, _) => Err(Fault::new(
                syntax.at,
                format!("{name} is for metrics as time series; use calculations over events"),
            )),
            (Named::Switch, [value, rest @ ..]) => self.switch(value, rest),
            (Named::Length, [value, rest @ ..]) => {
                let function = match rest.first().map(|unit| (unit.at, &unit.kind)) {
                    None => Function::LengthCharacters,
                    Some((_, SyntaxKind::Literal(Value::Text(unit)))) if unit == "chars" => Function::LengthCharacters,
                    Some((_, SyntaxKind::Literal(Value::Text(unit)))) if unit == "bytes" => Function::LengthBytes,
                    Some((at, _)) => return Err(Fault::new(at, "the unit is \"bytes\" or \"chars\"")),
                };
                let (value, depth) = self.node(value)?;
                Ok((Node::Call(function, vec![value]), depth + 1))
            }
            (Named::Pattern(function), [value, pattern]) => {
                let text = literal_text(pattern, "the pattern must be written down, as `…`")?;
                let regex = text::compile(text)
                    .map_err(|e| Fault::new(pattern.at, format!("this cannot be read as a regular expression: {e}")))?;
                let (value, depth) = self.node(value)?;
                Ok((Node::Pattern(function, Box::new(value), regex), depth + 1))
            }
            (Named::FormatTime, [format, time]) => {
                let text = literal_text(format, "the format must be written down, such as \"%Y-%m-%d\"")?;
                let items: Vec<Item<'static>> = StrftimeItems::new(text).map(Item::to_owned).collect();
                if items.contains(&Item::Error) {
                    return Err(Fault::new(
                        format.at,
                        "this is not a format of strftime, such as \"%Y-%m-%d %H:%M:%S\"",
                    ));
                }
                let (time, depth) = self.node(time)?;
                Ok((Node::FormatTime(items.into(), Box::new(time)), depth + 1))
            }
            (named, _) => {
                let (nodes, depth) = self.nodes(arguments)?;
                let node = match named {
                    Named::Call(function) => Node::Call(function, nodes),
                    _ => conditions(nodes),
                };
                Ok((node, depth + 1))
            }
        }
    }

    fn nodes(&mut self, list: &[Syntax]) -> Result<(Vec<Node>, usize), Fault> {
        let mut deepest = 0;
        let mut nodes = Vec::with_capacity(list.len());
        for syntax in list {
            let (node, depth) = self.node(syntax)?;
            deepest = deepest.max(depth);
            nodes.push(node);
        }
        Ok((nodes, deepest))
    }

    fn switch(&mut self, value: &Syntax, rest: &[Syntax]) -> Result<Checked, Fault> {
        let (value, mut deepest) = self.node(value)?;
        let pairs = rest.chunks_exact(2);
        let otherwise = pairs.remainder().first().map(|syntax| self.node(syntax)).transpose()?;
        let mut cases = Vec::new();
        for pair in pairs {
            let SyntaxKind::Literal(case) = &pair[0].kind else {
                return Err(Fault::new(pair[0].at, "a case must be written down: a text, a number, true or false"));
            };
            let (result, depth) = self.node(&pair[1])?;
            deepest = deepest.max(depth);
            cases.push((case.clone(), result));
        }
        deepest = deepest.max(otherwise.as_ref().map_or(0, |(_, depth)| *depth));
        Ok((Node::Switch(Box::new(value), cases, otherwise.map(|(node, _)| Box::new(node))), deepest + 1))
    }
}

/// The arguments of IF: conditions and values in turn, at the end perhaps a value alone.
fn conditions(nodes: Vec<Node>) -> Node {
    let mut branches = Vec::new();
    let mut nodes = nodes.into_iter();
    while let Some(first) = nodes.next() {
        match nodes.next() {
            Some(value) => branches.push((first, value)),
            None => return Node::If(branches, Some(Box::new(first))),
        }
    }
    Node::If(branches, None)
}

fn literal_text<'s>(syntax: &'s Syntax, message: &str) -> Result<&'s str, Fault> {
    match &syntax.kind {
        SyntaxKind::Literal(Value::Text(text)) => Ok(text),
        _ => Err(Fault::new(syntax.at, message)),
    }
}

fn unknown_function(at: usize, name: &str) -> Fault {
    let near = |known: &&Known| strsim::jaro_winkler(&name.to_uppercase(), known.name);
    let nearest = FUNCTIONS.iter().max_by(|a, b| near(a).total_cmp(&near(b))).filter(|known| near(known) > 0.75);
    let hint = nearest.map_or_else(
        || format!("the functions are {}", FUNCTIONS.iter().map(|f| f.name).collect::<Vec<_>>().join(", ")),
        |known| format!("did you mean {}?", known.name),
    );
    Fault::new(at, format!("{name} is not a function; {hint}"))
}

fn wrong_count(known: &Known, given: usize) -> String {
    let wanted = match known.arguments {
        (least, most) if least == most => least.to_string(),
        (least, usize::MAX) => format!("at least {least}"),
        (least, most) => format!("{least} to {most}"),
    };
    format!("{} has {given} arguments here and takes {wanted}: {}", known.name, known.usage)
}

/// A node whose inputs have other places.
fn moved(node: &Node, places: &[usize]) -> Node {
    mapped(node, &|input| Node::Input(places[input]))
}

/// A node with other nodes in place of its inputs.
fn substituted(node: &Node, parts: &[Node]) -> Node {
    mapped(node, &|input| parts[input].clone())
}

fn mapped(node: &Node, input: &dyn Fn(usize) -> Node) -> Node {
    let all = |nodes: &[Node]| nodes.iter().map(|node| mapped(node, input)).collect();
    let boxed = |node: &Node| Box::new(mapped(node, input));
    match node {
        Node::Literal(value) => Node::Literal(value.clone()),
        Node::Input(at) => input(*at),
        Node::If(branches, otherwise) => Node::If(
            branches.iter().map(|(condition, value)| (mapped(condition, input), mapped(value, input))).collect(),
            otherwise.as_deref().map(boxed),
        ),
        Node::Switch(value, cases, otherwise) => Node::Switch(
            boxed(value),
            cases.iter().map(|(case, result)| (case.clone(), mapped(result, input))).collect(),
            otherwise.as_deref().map(boxed),
        ),
        Node::Call(function, arguments) => Node::Call(*function, all(arguments)),
        Node::Pattern(function, value, regex) => Node::Pattern(*function, boxed(value), regex.clone()),
        Node::FormatTime(items, time) => Node::FormatTime(Arc::clone(items), boxed(time)),
        Node::Lookup(table, field, key) => Node::Lookup(Arc::clone(table), *field, all(key)),
        Node::Found(table, key) => Node::Found(Arc::clone(table), all(key)),
    }
}

impl Node {
    /// The types that it may give out of inputs of these.
    pub(super) fn types(&self, inputs: &[Types]) -> Types {
        let otherwise = |node: &Option<Box<Node>>| node.as_ref().map_or([false; 4], |node| node.types(inputs));
        match self {
            Node::Literal(Value::Absent) => [false; 4],
            Node::Literal(Value::Boolean(_)) => functions::BOOLEAN,
            Node::Literal(Value::Integer(_)) => functions::INTEGER,
            Node::Literal(Value::Float(_)) => functions::FLOAT,
            Node::Literal(Value::Text(_)) => functions::TEXT,
            Node::Input(at) => inputs[*at],
            Node::If(branches, last) => {
                branches.iter().map(|(_, value)| value.types(inputs)).fold(otherwise(last), functions::union)
            }
            Node::Switch(_, cases, last) => {
                cases.iter().map(|(_, value)| value.types(inputs)).fold(otherwise(last), functions::union)
            }
            Node::Call(function, arguments) => {
                function.types(&arguments.iter().map(|node| node.types(inputs)).collect::<Vec<_>>())
            }
            Node::Lookup(table, field, _) => table.types(*field),
            Node::Pattern(PatternFunction::Match, ..) | Node::Found(..) => functions::BOOLEAN,
            Node::Pattern(PatternFunction::Count, ..) => functions::INTEGER,
            Node::Pattern(PatternFunction::Value, ..) | Node::FormatTime(..) => functions::TEXT,
        }
    }
}
