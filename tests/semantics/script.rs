//! Text → script: the language that README.md describes. It must not know servers.
//!
//! A line whose first character is a small letter begins a command; lines after it belong to that command until the next
//! one. `#` begins a comment line, blank lines separate.

use serde_json::Value;

/// A script: what is loaded before anything is asked, then cases.
#[derive(Clone, Debug, Default)]
pub(crate) struct Script {
    pub(crate) loads: Vec<Load>,
    pub(crate) steps: Vec<Step>,
}

#[derive(Clone, Debug)]
pub(crate) struct Load {
    pub(crate) dataset: String,
    pub(crate) lines: Vec<String>,
    pub(crate) rejects: u64,
}

/// One question and what its answer must be.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    /// The title of the case it belongs to, and the line it begins at.
    pub(crate) case: String,
    pub(crate) line: usize,
    pub(crate) question: Question,
    pub(crate) status: u16,
    pub(crate) rows: Option<Value>,
    pub(crate) expect: Vec<Value>,
}

#[derive(Clone, Debug)]
pub(crate) enum Question {
    Get {
        path: String,
    },
    Post {
        path: String,
        spec: String,
    },
    /// Rows of the table of a dataset's filters.
    Filters {
        dataset: String,
        lines: Vec<(usize, FilterLine)>,
    },
}

/// `column operator literal -> ids`
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FilterLine {
    pub(crate) column: String,
    pub(crate) op: String,
    pub(crate) literal: Option<Value>,
    pub(crate) ids: Vec<String>,
}

/// A command with what follows it.
struct Block<'a> {
    line: usize,
    word: &'a str,
    rest: &'a str,
    body: Vec<(usize, &'a str)>,
}

pub(crate) fn parse(text: &str, now: i64) -> Result<Script, String> {
    let text = with_times(text, now);
    let mut script = Script::default();
    let mut case = String::new();
    for block in blocks(&text)? {
        let at = block.line;
        read(&block, &mut script, &mut case).map_err(|e| format!("line {at}: {e}"))?;
    }
    Ok(script)
}

/// `$(now-60)` is the second a minute before the run.
fn with_times(text: &str, now: i64) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("$(now") {
        let (offset, after) = after.split_once(')').unwrap_or((after, ""));
        let offset: i64 = if offset.is_empty() { 0 } else { offset.parse().unwrap_or_default() };
        out.push_str(before);
        out.push_str(&(now + offset).to_string());
        rest = after;
    }
    out + rest
}

fn blocks(text: &str) -> Result<Vec<Block<'_>>, String> {
    let mut blocks: Vec<Block<'_>> = Vec::new();
    for (at, line) in text.lines().enumerate().map(|(at, line)| (at + 1, line)) {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        if line.starts_with(|c: char| c.is_ascii_lowercase()) {
            let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
            blocks.push(Block { line: at, word, rest: rest.trim(), body: Vec::new() });
        } else {
            blocks.last_mut().ok_or(format!("line {at}: begin with a command"))?.body.push((at, line));
        }
    }
    Ok(blocks)
}

fn read(block: &Block<'_>, script: &mut Script, case: &mut String) -> Result<(), String> {
    let body = || block.body.iter().map(|(_, line)| *line).collect::<Vec<_>>().join("\n");
    match block.word {
        "case" => *case = block.rest.to_owned(),
        "load" if !script.steps.is_empty() => return Err("everything is loaded before the first question".into()),
        "load" => script.loads.push(load(block)?),
        "rejects" => last(&mut script.loads)?.rejects = block.rest.parse().map_err(|_| "rejects COUNT")?,
        "status" => last(&mut script.steps)?.status = block.rest.parse().map_err(|_| "status NUMBER")?,
        "gives" => last(&mut script.steps)?.rows = Some(json_lines(block)?),
        "expect" => last(&mut script.steps)?.expect.push(json(&format!("{}\n{}", block.rest, body()))?),
        _ => script.steps.push(Step {
            case: case.clone(),
            line: block.line,
            question: question(block, body())?,
            status: 200,
            rows: None,
            expect: Vec::new(),
        }),
    }
    Ok(())
}

fn last<T>(list: &mut [T]) -> Result<&mut T, String> {
    list.last_mut().ok_or("nothing stands before this".into())
}

fn json(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|e| format!("{e} in {text}"))
}

fn json_lines(block: &Block<'_>) -> Result<Value, String> {
    std::iter::once(block.rest)
        .chain(block.body.iter().map(|(_, line)| *line))
        .filter(|line| !line.trim().is_empty())
        .map(json)
        .collect::<Result<Vec<_>, _>>()
        .map(Value::Array)
}

/// `load DATASET [repeat COUNT]`; `$i` in a repeated line is the number of its turn, from 0.
fn load(block: &Block<'_>) -> Result<Load, String> {
    let mut words = block.rest.split(' ');
    let dataset = words.next().filter(|d| !d.is_empty()).ok_or("load DATASET")?.to_owned();
    let turns: usize = match (words.next(), words.next()) {
        (None, _) => 1,
        (Some("repeat"), Some(turns)) => turns.parse().map_err(|_| "repeat COUNT")?,
        _ => return Err("load DATASET repeat COUNT".into()),
    };
    let turn = |at: usize| block.body.iter().map(move |(_, line)| line.replace("$i", &at.to_string()));
    Ok(Load { dataset, lines: (0..turns).flat_map(turn).collect(), rejects: 0 })
}

fn question(block: &Block<'_>, body: String) -> Result<Question, String> {
    let (target, inline) = block.rest.split_once(' ').unwrap_or((block.rest, ""));
    let target = target.to_owned();
    let post =
        |route: &str| Question::Post { path: format!("/api/v1/{route}/{target}"), spec: format!("{inline}{body}") };
    Ok(match block.word {
        "query" => post("query"),
        "rows" => post("rows"),
        "fields" => Question::Get { path: format!("/api/v1/fields/{target}") },
        "values" => Question::Get { path: format!("/api/v1/values/{target}") },
        "get" => Question::Get { path: target },
        "filters" => {
            let lines = block.body.iter().map(|(at, line)| Ok((*at, filter_line(line)?)));
            Question::Filters { dataset: target, lines: lines.collect::<Result<_, String>>()? }
        }
        other => return Err(format!("{other} is not a command")),
    })
}

fn filter_line(line: &str) -> Result<FilterLine, String> {
    let wrong = || format!("write 'column operator literal -> ids', not {line:?}");
    let (filter, ids) = line.trim().split_once("->").ok_or_else(wrong)?;
    let mut parts = filter.trim().splitn(3, ' ');
    let (column, op) = (parts.next().ok_or_else(wrong)?, parts.next().ok_or_else(wrong)?);
    let literal = parts.next().map(|text| json(text.trim())).transpose()?;
    let mut ids: Vec<String> = ids.split_whitespace().map(str::to_owned).collect();
    ids.sort();
    Ok(FilterLine { column: column.to_owned(), op: op.to_owned(), literal, ids })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_script_is_read() {
        let text = "# why\ncase one\nload d repeat 2\n{\"n\":$i,\"t\":$(now-5)}\nrejects 1\n\nquery d {\"a\":\n  1}\ngives [1]\n  [2]\n\
                    get /x\nstatus 404\nfilters d\n  v in [1, \"a b\"] -> b a\n  v exists ->\n";
        let script = parse(text, 100).unwrap();
        assert_eq!(script.loads[0].lines, ["{\"n\":0,\"t\":95}", "{\"n\":1,\"t\":95}"]);
        assert_eq!(script.loads[0].rejects, 1);
        assert_eq!(script.steps[0].rows, Some(json!([[1], [2]])));
        assert_eq!((script.steps[0].line, script.steps[0].case.as_str()), (7, "one"));
        assert_eq!(script.steps[1].status, 404);
        let Question::Filters { lines, .. } = &script.steps[2].question else { panic!("no filters") };
        let first = FilterLine {
            column: "v".into(),
            op: "in".into(),
            literal: Some(json!([1, "a b"])),
            ids: vec!["a".into(), "b".into()],
        };
        assert_eq!(lines[0].1, first);
        assert_eq!((&lines[1].1.literal, lines[1].1.ids.len()), (&None, 0));
    }

    #[test]
    fn a_bad_script_says_where() {
        for (text, at) in
            [("wrong d\n", "line 1"), ("load d\n{}\nquery d {}\nload d\n", "line 4"), ("filters d\n  v =\n", "line 1")]
        {
            assert!(parse(text, 0).unwrap_err().starts_with(at), "{text}");
        }
    }
}
