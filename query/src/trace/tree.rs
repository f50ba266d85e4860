//! The order of a waterfall: each span before those below it, those of one parent by their start. Whatever the ids say, every
//! span is there once. Must not know fields.

use std::collections::HashMap;

/// What a span says of its place.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Node<'a> {
    pub(super) id: Option<&'a str>,
    pub(super) parent: Option<&'a str>,
}

/// Where a span stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Placed {
    /// Among the nodes.
    pub(super) node: usize,
    pub(super) depth: u32,
    /// It names a parent and stands below none: the parent is not there, or is itself below it.
    pub(super) missing_parent: bool,
    /// An earlier span has its id, and what is below that id.
    pub(super) repeated_id: bool,
}

/// The place of each node, in order. The nodes are given by their start.
pub(super) fn waterfall(nodes: &[Node<'_>]) -> Vec<Placed> {
    let mut by_id: HashMap<&str, usize> = HashMap::with_capacity(nodes.len());
    for (at, node) in nodes.iter().enumerate() {
        if let Some(id) = node.id {
            by_id.entry(id).or_insert(at);
        }
    }
    let parents: Vec<Option<usize>> = nodes.iter().map(|node| by_id.get(node.parent?).copied()).collect();
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); nodes.len()];
    for (at, parent) in parents.iter().enumerate() {
        if let Some(parent) = parent {
            children[*parent].push(at);
        }
    }
    let repeated = |at: usize| nodes[at].id.and_then(|id| by_id.get(id)).is_some_and(|first| *first != at);
    let mut order =
        Order { children: &children, placed: Vec::with_capacity(nodes.len()), seen: vec![false; nodes.len()] };
    for at in (0..nodes.len()).filter(|at| parents[*at].is_none()) {
        order.place(at, nodes[at].parent.is_some(), repeated);
    }
    // What is left hangs below itself. The way up from it ends in the ring that it hangs on.
    for at in 0..nodes.len() {
        if !order.seen[at] {
            order.place(ring(at, &parents), true, repeated);
        }
    }
    order.placed
}

struct Order<'n> {
    children: &'n [Vec<usize>],
    placed: Vec<Placed>,
    seen: Vec<bool>,
}

impl Order<'_> {
    /// A node and everything below it. Not by recursion: a chain may have as many spans as a trace.
    fn place(&mut self, top: usize, missing_parent: bool, repeated: impl Fn(usize) -> bool) {
        let mut waiting = vec![(top, 0)];
        while let Some((node, depth)) = waiting.pop() {
            if std::mem::replace(&mut self.seen[node], true) {
                continue;
            }
            let missing_parent = missing_parent && node == top;
            self.placed.push(Placed { node, depth, missing_parent, repeated_id: repeated(node) });
            waiting.extend(self.children[node].iter().rev().map(|child| (*child, depth + 1)));
        }
    }
}

/// The earliest node of the ring that the way up from a node ends in.
fn ring(from: usize, parents: &[Option<usize>]) -> usize {
    let up = |at: usize| parents[at].unwrap_or(at);
    let (mut slow, mut fast) = (up(from), up(up(from)));
    while slow != fast {
        (slow, fast) = (up(slow), up(up(fast)));
    }
    let (mut earliest, mut at) = (slow, up(slow));
    while at != slow {
        earliest = earliest.min(at);
        at = up(at);
    }
    earliest
}
