//! Text → syntax. Operators are calls of the functions that they stand for. Must not know which functions there are.
//!
//! ```text
//! expression = operand, { operator, operand }          tight to loose: * / %   -   +   < <= > >=   = !=   AND   OR
//! operand    = { "!" | "-" }, ( column | number | text | "true" | "false" | "null" | call | "(" expression ")" )
//! call       = NAME "(" [ expression, { "," expression }, [","] ] ")"
//! column     = $name | $"any name" | $`any name`
//! ```
//!
//! A bare column name is letters, digits, `_`, `.` and `:`, and `-` or `/` before a letter: names are never values by
//! themselves, so that `$a-b` is one column and `$a - $b`, `$a-$b` and `$a/2` are calculations.

use winnow::combinator::{Infix, alt, dispatch, expression, fail, opt, peek};
use winnow::error::{ErrMode, ParserError};
use winnow::prelude::*;
use winnow::stream::{LocatingSlice, Location, Stateful};
use winnow::token::{any, one_of, rest, take_till, take_while};

use super::value::Value;
use crate::limits;

/// What was wrong, and at which byte.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Fault {
    pub(super) at: usize,
    pub(super) message: String,
}

impl Fault {
    pub(super) fn new(at: usize, message: impl Into<String>) -> Fault {
        Fault { at, message: message.into() }
    }
}

impl ParserError<Input<'_>> for Fault {
    type Inner = Fault;

    fn from_input(input: &Input<'_>) -> Fault {
        Fault::new(input.current_token_start(), VALUE_WANTED)
    }

    fn into_inner(self) -> Result<Fault, Fault> {
        Ok(self)
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Syntax {
    /// The byte that it begins at.
    pub(super) at: usize,
    pub(super) kind: SyntaxKind,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum SyntaxKind {
    Column(String),
    Literal(Value<'static>),
    Call(String, Vec<Syntax>),
}

/// The text, and how many parentheses are open.
type Input<'t> = Stateful<LocatingSlice<&'t str>, usize>;
type Parsed<T> = Result<T, ErrMode<Fault>>;

const VALUE_WANTED: &str = "a value is missing here: a $column, a number, a \"text\", true, false, null or FUNCTION(…)";
const OPERATOR_WANTED: &str = "this does not continue the expression; write an operator, or end it here";

pub(super) fn parse(text: &str) -> Result<Syntax, Fault> {
    let mut input = Input { input: LocatingSlice::new(text), state: 0 };
    let whole = operators(&mut input).and_then(|syntax| {
        space(&mut input)?;
        match input.input.is_empty() {
            true => Ok(syntax),
            false => wrong(&input, OPERATOR_WANTED),
        }
    });
    whole.map_err(|error| error.into_inner().unwrap_or_else(|_| Fault::new(text.len(), VALUE_WANTED)))
}

fn wrong<T>(input: &Input<'_>, message: impl Into<String>) -> Parsed<T> {
    Err(ErrMode::Cut(Fault::new(input.current_token_start(), message)))
}

fn space(input: &mut Input<'_>) -> Parsed<()> {
    take_while(0.., char::is_whitespace).void().parse_next(input)
}

fn operators(input: &mut Input<'_>) -> Parsed<Syntax> {
    use Infix::Left;
    let infix = |input: &mut Input<'_>| -> Parsed<Infix<Input<'_>, Syntax, ErrMode<Fault>>> {
        space(input)?;
        let operator = alt((alt(("<=", ">=", "!=")), any.take())).parse_next(input)?;
        Ok(match operator {
            "*" => Left(16, |_, a, b| Ok(joined("MUL", a, b))),
            "/" => Left(16, |_, a, b| Ok(call("DIV", a, b))),
            "%" => Left(16, |_, a, b| Ok(call("MOD", a, b))),
            "-" => Left(14, |_, a, b| Ok(call("SUB", a, b))),
            "+" => Left(12, |_, a, b| Ok(joined("SUM", a, b))),
            "<" => Left(10, |_, a, b| Ok(call("LT", a, b))),
            "<=" => Left(10, |_, a, b| Ok(call("LTE", a, b))),
            ">" => Left(10, |_, a, b| Ok(call("GT", a, b))),
            ">=" => Left(10, |_, a, b| Ok(call("GTE", a, b))),
            "=" => Left(8, |_, a, b| Ok(call("EQUALS", a, b))),
            "!=" => Left(8, |_, a, b| Ok(not(call("EQUALS", a, b)))),
            _ => return fail.parse_next(input),
        })
    };
    let words = |input: &mut Input<'_>| -> Parsed<Infix<Input<'_>, Syntax, ErrMode<Fault>>> {
        space(input)?;
        match take_while(1.., is_name).parse_next(input)? {
            "AND" => Ok(Left(6, |_, a, b| Ok(joined("AND", a, b)))),
            "OR" => Ok(Left(4, |_, a, b| Ok(joined("OR", a, b)))),
            _ => fail.parse_next(input),
        }
    };
    expression(operand).infix(alt((words, infix))).parse_next(input)
}

fn call(name: &str, a: Syntax, b: Syntax) -> Syntax {
    Syntax { at: a.at, kind: SyntaxKind::Call(name.to_owned(), vec![a, b]) }
}

/// `a + b + c` as one call, so that long sums are not deep.
fn joined(name: &str, a: Syntax, b: Syntax) -> Syntax {
    match a.kind {
        SyntaxKind::Call(of, mut arguments) if of == name => {
            arguments.push(b);
            Syntax { at: a.at, kind: SyntaxKind::Call(of, arguments) }
        }
        kind => call(name, Syntax { at: a.at, kind }, b),
    }
}

fn not(of: Syntax) -> Syntax {
    Syntax { at: of.at, kind: SyntaxKind::Call("NOT".to_owned(), vec![of]) }
}

fn negated(of: Syntax) -> Syntax {
    let at = of.at;
    match of.kind {
        SyntaxKind::Literal(Value::Integer(number)) => {
            let negative = number.checked_neg().map_or(Value::float(-(number as f64)), Value::Integer);
            Syntax { at, kind: SyntaxKind::Literal(negative) }
        }
        SyntaxKind::Literal(Value::Float(number)) => Syntax { at, kind: SyntaxKind::Literal(Value::float(-number)) },
        kind => call("SUB", Syntax { at, kind: SyntaxKind::Literal(Value::Integer(0)) }, Syntax { at, kind }),
    }
}

fn operand(input: &mut Input<'_>) -> Parsed<Syntax> {
    let mut prefixes = Vec::new();
    loop {
        space(input)?;
        let at = input.current_token_start();
        match opt(one_of(['!', '-'])).parse_next(input)? {
            Some(prefix) if prefixes.len() < limits::EXPRESSION_DEPTH_MAX => prefixes.push((at, prefix)),
            Some(_) => return wrong(input, too_deep()),
            None => break,
        }
    }
    let mut value = primary(input)?;
    for (at, prefix) in prefixes.into_iter().rev() {
        value = if prefix == '!' { not(value) } else { negated(value) };
        value.at = at;
    }
    Ok(value)
}

fn too_deep() -> String {
    format!("this is nested deeper than {} levels", limits::EXPRESSION_DEPTH_MAX)
}

fn primary(input: &mut Input<'_>) -> Parsed<Syntax> {
    let at = input.current_token_start();
    let literal = |value| SyntaxKind::Literal(value);
    let kind = match opt(peek(any)).parse_next(input)? {
        Some('$') => SyntaxKind::Column(column(input)?),
        Some('"') => literal(Value::Text(quoted(input)?.into())),
        Some('`') => literal(Value::Text(raw(input)?.into())),
        Some('(') => {
            any.parse_next(input)?;
            let inner = nested(input, operators)?;
            close(input)?;
            return Ok(inner);
        }
        Some('0'..='9' | '.') => literal(number(input)?),
        Some(first) if first.is_ascii_alphabetic() => {
            let name = take_while(1.., is_name).parse_next(input)?;
            match name {
                "true" => literal(Value::Boolean(true)),
                "false" => literal(Value::Boolean(false)),
                "null" => literal(Value::Absent),
                _ => SyntaxKind::Call(name.to_owned(), arguments(input, name, at)?),
            }
        }
        _ => return wrong(input, VALUE_WANTED),
    };
    Ok(Syntax { at, kind })
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// Something inside of parentheses.
fn nested<'t, T>(input: &mut Input<'t>, inner: impl Fn(&mut Input<'t>) -> Parsed<T>) -> Parsed<T> {
    if input.state >= limits::EXPRESSION_DEPTH_MAX {
        return wrong(input, too_deep());
    }
    input.state += 1;
    let parsed = inner(input)?;
    input.state -= 1;
    Ok(parsed)
}

fn close(input: &mut Input<'_>) -> Parsed<()> {
    space(input)?;
    match opt(')').parse_next(input)? {
        Some(_) => Ok(()),
        None if input.input.is_empty() => wrong(input, "a ) is missing here"),
        None => wrong(input, "this does not continue the expression; write an operator, a comma or )"),
    }
}

fn arguments(input: &mut Input<'_>, name: &str, at: usize) -> Parsed<Vec<Syntax>> {
    space(input)?;
    if opt('(').parse_next(input)?.is_none() {
        let message =
            format!("{name} is no value: write ${name} for a column, \"{name}\" for a text, {name}(…) for a function");
        return Err(ErrMode::Cut(Fault::new(at, message)));
    }
    let list = |input: &mut Input<'_>| {
        let mut list = Vec::new();
        loop {
            space(input)?;
            if opt(peek(')')).parse_next(input)?.is_some() {
                return Ok(list);
            }
            list.push(operators(input)?);
            space(input)?;
            if opt(',').parse_next(input)?.is_none() {
                return Ok(list);
            }
        }
    };
    let list = nested(input, list)?;
    close(input)?;
    Ok(list)
}

fn column(input: &mut Input<'_>) -> Parsed<String> {
    any.parse_next(input)?;
    let name = match opt(peek(any)).parse_next(input)? {
        Some('"') => quoted(input)?,
        Some('`') => raw(input)?,
        _ => bare(input)?,
    };
    if name.is_empty() {
        wrong(input, "a $ stands before the name of a column; quote other names: $\"my field\"")
    } else {
        Ok(name)
    }
}

fn bare(input: &mut Input<'_>) -> Parsed<String> {
    let text: &str = peek(rest).parse_next(input)?;
    let mut characters = text.char_indices().peekable();
    let mut end = 0;
    while let Some((at, c)) = characters.next() {
        let next = characters.peek().map(|(_, c)| *c);
        let joins = matches!(c, '-' | '/') && at > 0 && next.is_some_and(|c| c.is_alphabetic() || c == '_');
        if !(c.is_alphanumeric() || matches!(c, '_' | '.' | ':') || joins) {
            break;
        }
        end = at + c.len_utf8();
    }
    let name = &text[..end];
    let count = name.chars().count();
    winnow::token::take(count).map(str::to_owned).parse_next(input)
}

fn raw(input: &mut Input<'_>) -> Parsed<String> {
    let at = input.current_token_start();
    any.parse_next(input)?;
    let text = take_till(0.., '`').map(str::to_owned).parse_next(input)?;
    match opt('`').parse_next(input)? {
        Some(_) => Ok(text),
        None => Err(ErrMode::Cut(Fault::new(at, "the closing ` is missing"))),
    }
}

fn quoted(input: &mut Input<'_>) -> Parsed<String> {
    let at = input.current_token_start();
    any.parse_next(input)?;
    let mut text = String::new();
    loop {
        text.push_str(take_till(0.., ['"', '\\']).parse_next(input)?);
        match opt(any).parse_next(input)? {
            Some('"') => return Ok(text),
            Some(_) => text.push(escape(input)?),
            None => return Err(ErrMode::Cut(Fault::new(at, "the closing \" is missing"))),
        }
    }
}

fn escape(input: &mut Input<'_>) -> Parsed<char> {
    let unknown = "an escape is one of \\\" \\\\ \\n \\t \\r \\a \\b \\f \\v, \\x and 2, \\u and 4, or \\U and 8 hexadecimal digits; for patterns use `…`";
    let at = input.current_token_start();
    let known = dispatch! { any;
        'n' => winnow::combinator::empty.value(Some('\n')),
        't' => winnow::combinator::empty.value(Some('\t')),
        'r' => winnow::combinator::empty.value(Some('\r')),
        'a' => winnow::combinator::empty.value(Some('\u{7}')),
        'b' => winnow::combinator::empty.value(Some('\u{8}')),
        'f' => winnow::combinator::empty.value(Some('\u{c}')),
        'v' => winnow::combinator::empty.value(Some('\u{b}')),
        '\\' => winnow::combinator::empty.value(Some('\\')),
        '"' => winnow::combinator::empty.value(Some('"')),
        '\'' => winnow::combinator::empty.value(Some('\'')),
        'x' => |i: &mut Input<'_>| code(i, 2),
        'u' => |i: &mut Input<'_>| code(i, 4),
        'U' => |i: &mut Input<'_>| code(i, 8),
        _ => fail,
    };
    let mut known = known;
    match known.parse_next(input) {
        Ok(Some(character)) => Ok(character),
        _ => Err(ErrMode::Cut(Fault::new(at, unknown))),
    }
}

fn code(input: &mut Input<'_>, digits: usize) -> Parsed<Option<char>> {
    let digits = take_while(digits, |c: char| c.is_ascii_hexdigit()).parse_next(input)?;
    Ok(u32::from_str_radix(digits, 16).ok().and_then(char::from_u32))
}

fn number(input: &mut Input<'_>) -> Parsed<Value<'static>> {
    let at = input.current_token_start();
    let digits = || take_while(0.., |c: char| c.is_ascii_digit());
    let exponent = (one_of(['e', 'E']), opt(one_of(['+', '-'])), take_while(1.., |c: char| c.is_ascii_digit()));
    let text = (digits(), opt(('.', digits())), opt(exponent)).take().parse_next(input)?;
    let integer = text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse::<i64>().ok()).flatten();
    let float = || text.parse::<f64>().ok().filter(|number| number.is_finite()).map(Value::float);
    integer
        .map(Value::Integer)
        .or_else(float)
        .ok_or_else(|| ErrMode::Cut(Fault::new(at, format!("{text} is not a number that can be calculated with"))))
}
