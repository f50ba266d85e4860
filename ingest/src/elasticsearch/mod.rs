#![doc = include_str!("../../format/elasticsearch.md")]
//!
//! This file pairs actions with documents and sorts them by dataset; [`crate::json`] reads the documents. Must not know
//! HTTP, columns or compression.

mod index;
#[cfg(test)]
mod tests;

use hashbrown::HashMap;
use outcrop_storage::event::DatasetName;
use outcrop_storage::limits::NESTING_DEPTH_MAX;

use self::index::dataset_of;
use crate::error::{DecodeError, Rejects};
use crate::event::{Rows, SpecialNames, Value};
use crate::fault::{Fault, FaultKind};
use crate::json::body::{Text, lines};
use crate::json::event::EventReader;
use crate::json::scan::{COLON_EXPECTED, KEY_EXPECTED, Scanner};
use crate::json::string::Token;
use crate::limits::{BODY_DATASETS_MAX, Bounds, ITEMS_MAX};
use crate::steps::Steps;
use crate::{Context, Decoded};

/// What is kept of an action and its document, in vectors that may have doubled.
const ITEM_BYTES: usize = 2 * (size_of::<Action>() + size_of::<Document<'_>>() + size_of::<u32>());
/// What is kept of an index beside its name, which is kept twice.
const INDEX_BYTES: usize = 256;

/// What an action asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    Create,
    Index,
    Update,
    Delete,
}

impl Verb {
    pub fn name(self) -> &'static str {
        match self {
            Verb::Create => "create",
            Verb::Index => "index",
            Verb::Update => "update",
            Verb::Delete => "delete",
        }
    }

    fn of(name: &str) -> Option<Verb> {
        [Verb::Create, Verb::Index, Verb::Update, Verb::Delete].into_iter().find(|verb| verb.name() == name)
    }
}

/// What the answer repeats of an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Action {
    pub verb: Verb,
    /// Number of its index among [`Actions::indexes`].
    pub index: u32,
}

/// Every action of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Actions {
    pub all: Vec<Action>,
    /// Indexes as they were sent.
    pub indexes: Vec<String>,
}

/// A document where it lies in the body.
#[derive(Clone, Copy, Debug)]
struct Document<'a> {
    item: usize,
    start: usize,
    text: &'a str,
    /// The metadata of its action, if that has an id.
    id: Option<&'a str>,
}

/// Reads an inflated body. `path_index` is the index of the path.
///
/// # Errors
///
/// [`DecodeError::Malformed`] for a body with a line that should be an action and is none; [`DecodeError::TooLarge`] for one
/// with too many actions or too many different field names.
pub(crate) fn decode(path_index: Option<&str>, body: &[u8], context: &Context<'_>) -> Result<Decoded, DecodeError> {
    let text = Text::new(body, context.memory)?;
    let mut requests = Requests::new(path_index, context);
    requests.read(text.as_str())?;
    let Requests { actions, mut rejects, datasets, documents, .. } = requests;
    let mut events = EventReader::new(Rows::new(context, Bounds::default(), SpecialNames::Consumed));
    for (dataset, documents) in datasets.into_iter().zip(documents) {
        events.turn_to(dataset)?;
        for document in documents {
            events.tidy()?;
            match stage(&mut events, &text, &document) {
                Ok(()) => events.commit(None, document.text)?,
                Err(fault) => rejects.add(document.item, || fault.sentence(0)),
            }
        }
    }
    let mut decoded = Decoded::of(events.rows.finish()?, actions.all.len(), rejects);
    decoded.actions = actions;
    Ok(decoded)
}

fn stage<'a>(events: &mut EventReader<'a>, text: &Text<'_>, document: &Document<'a>) -> Result<(), Fault> {
    events.check_length(document.text.len(), 0)?;
    let mut scan = Scanner::new(document.text);
    if scan.peek() != Some(b'{') {
        return Err(Fault::new(0, FaultKind::NotObject));
    }
    events.stage(&mut scan)?;
    if scan.at() < document.text.len() {
        return Err(scan.fault("the document ends here and more follows; write one document a line"));
    }
    let checked = text.check(document.start..document.start + document.text.len());
    checked.map_err(|error| Fault::new(error.valid_up_to(), FaultKind::NotUtf8))?;
    if let Some(id) = document.id {
        let mut scan = Scanner::new(id);
        let value = match scan.string(events.rows.scratch())? {
            Token::Plain(id) => Value::Text(id),
            Token::Scratch(range) => Value::Scratch(range),
        };
        let field = events.rows.field("_id").map_err(|error| Fault::new(0, FaultKind::Name(error)))?;
        let max = events.rows.limits().event_fields_max;
        events.rows.add(field, value).map_err(|_| Fault::new(0, FaultKind::Fields { max }))?;
    }
    Ok(())
}

/// Pairs actions with documents.
#[derive(Debug)]
struct Requests<'a> {
    path_index: Option<&'a str>,
    /// For all that follows.
    memory: Steps<'a>,
    actions: Actions,
    rejects: Rejects,
    /// Number of each index, and of its dataset unless there is none for it.
    known: HashMap<String, (u32, Option<usize>)>,
    datasets: Vec<DatasetName>,
    /// By dataset.
    documents: Vec<Vec<Document<'a>>>,
}

impl<'a> Requests<'a> {
    fn new(path_index: Option<&'a str>, context: &Context<'a>) -> Requests<'a> {
        Requests {
            path_index,
            memory: Steps::new(context.memory),
            actions: Actions::default(),
            rejects: Rejects::all(),
            known: HashMap::new(),
            datasets: Vec::new(),
            documents: Vec::new(),
        }
    }

    fn read(&mut self, text: &'a str) -> Result<(), DecodeError> {
        let mut lines = lines(text);
        while let Some((start, line)) = lines.next() {
            let item = self.actions.all.len();
            if item == ITEMS_MAX {
                return Err(DecodeError::too_large(format!(
                    "the body has more than {ITEMS_MAX} actions; send them in several smaller bodies"
                )));
            }
            let action = ActionLine::read(line).map_err(|fault| {
                DecodeError::malformed(format!(
                    "Malformed action/metadata line [{}]: byte {} of the body: {}; nothing of it was stored",
                    2 * item + 1,
                    start + fault.at,
                    fault.kind
                ))
            })?;
            self.memory.grow(ITEM_BYTES)?;
            let index = action.index.as_deref().or(self.path_index).unwrap_or_default();
            let (number, dataset) = self.index(index)?;
            self.actions.all.push(Action { verb: action.verb, index: number });
            let document = if action.verb == Verb::Delete { None } else { lines.next() };
            match (action.verb, dataset, document) {
                (Verb::Update | Verb::Delete, _, _) => self.rejects.add(item, || {
                    format!("events do not change: [{}] is not understood, use [create]", action.verb.name())
                }),
                (_, None, _) => self.rejects.add(item, || {
                    "the action has no index that could be a dataset; set _index, or the index in the path".to_owned()
                }),
                (_, _, None) => self.rejects.add(item, || "no document follows the action".to_owned()),
                (_, Some(dataset), Some((start, text))) => {
                    self.documents[dataset].push(Document { item, start, text, id: action.id });
                }
            }
        }
        Ok(())
    }

    /// The numbers of an index and of its dataset.
    fn index(&mut self, name: &str) -> Result<(u32, Option<usize>), DecodeError> {
        if let Some(known) = self.known.get(name) {
            return Ok(*known);
        }
        self.memory.grow(2 * name.len() + INDEX_BYTES)?;
        let number = self.actions.indexes.len() as u32;
        self.actions.indexes.push(name.to_owned());
        let dataset = dataset_of(name).and_then(|dataset| {
            let found = self.datasets.iter().position(|known| *known == dataset);
            let room = self.datasets.len() < BODY_DATASETS_MAX;
            found.or_else(|| {
                room.then(|| {
                    self.datasets.push(dataset);
                    self.documents.push(Vec::new());
                    self.datasets.len() - 1
                })
            })
        });
        self.known.insert(name.to_owned(), (number, dataset));
        Ok((number, dataset))
    }
}

/// A line such as `{"create":{"_index":"web"}}`.
#[derive(Debug)]
struct ActionLine<'a> {
    verb: Verb,
    index: Option<String>,
    /// The id's text, quotes included.
    id: Option<&'a str>,
}

impl<'a> ActionLine<'a> {
    fn read(line: &'a str) -> Result<ActionLine<'a>, Fault> {
        let mut scan = Scanner::new(line);
        let mut scratch = String::new();
        scan.expect(b'{', "an action is expected here, such as {\"create\":{\"_index\":\"web\"}}")?;
        scan.space();
        let start = scan.at();
        let verb = key(&mut scan, &mut scratch)?;
        let verb = Verb::of(&verb)
            .ok_or(Fault::new(start, FaultKind::Syntax("an action is one of create, index, update and delete")))?;
        let mut action = ActionLine { verb, index: None, id: None };
        scan.expect(b'{', "an object with the action's metadata is expected here")?;
        scan.space();
        let mut more = scan.peek() != Some(b'}');
        while more {
            let name = key(&mut scan, &mut scratch)?;
            let start = scan.at();
            let is_text = scan.peek() == Some(b'"');
            match name.as_str() {
                "_index" if is_text => {
                    scratch.clear();
                    action.index = Some(match scan.string(&mut scratch)? {
                        Token::Plain(index) => index.to_owned(),
                        Token::Scratch(_) => scratch.clone(),
                    });
                }
                _ => drop(scan.skip(Some(NESTING_DEPTH_MAX))?),
            }
            if name == "_id" && is_text {
                action.id = Some(&line[start..scan.at()]);
            }
            scan.space();
            more = scan.peek() == Some(b',');
            if more {
                scan.advance(1);
                scan.space();
            }
        }
        for _ in 0..2 {
            scan.expect(b'}', "an action ends with '}}'")?;
            scan.space();
        }
        if scan.rest().is_empty() { Ok(action) } else { Err(scan.fault("the action ends here and more follows")) }
    }
}

/// A key, and the scanner behind its colon.
fn key(scan: &mut Scanner<'_>, scratch: &mut String) -> Result<String, Fault> {
    if scan.peek() != Some(b'"') {
        return Err(scan.fault(KEY_EXPECTED));
    }
    scratch.clear();
    let key = match scan.string(scratch)? {
        Token::Plain(key) => key.to_owned(),
        Token::Scratch(_) => scratch.clone(),
    };
    scan.space();
    scan.expect(b':', COLON_EXPECTED)?;
    scan.space();
    Ok(key)
}
