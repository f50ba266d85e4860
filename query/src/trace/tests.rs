//! The order of a waterfall, whatever ids say, against a naive model.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::tree::{Node, Placed, waterfall};

/// Nodes as `id<parent`; `-` for none.
fn placed(text: &str) -> String {
    let part = |part: &'static str| (part != "-").then_some(part);
    let text: &'static str = text.to_owned().leak();
    let nodes: Vec<Node<'_>> = text
        .split_whitespace()
        .map(|node| node.split_once('<').unwrap())
        .map(|(id, parent)| Node { id: part(id), parent: part(parent) })
        .collect();
    let shown = waterfall(&nodes).into_iter().map(|Placed { node, depth, missing_parent, repeated_id }| {
        let marks = format!("{}{}", if missing_parent { "?" } else { "" }, if repeated_id { "=" } else { "" });
        format!("{}{}{marks}", nodes[node].id.unwrap_or("-"), depth)
    });
    shown.collect::<Vec<_>>().join(" ")
}

#[test]
fn spans_stand_below_their_parents_by_their_start() {
    assert_eq!(placed("a<- b<a c<a d<b e<c"), "a0 b1 d2 c1 e2");
    assert_eq!(placed("b<a a<- c<b"), "a0 b1 c2", "a parent that starts later is a parent all the same");
    assert_eq!(placed("a<- b<- c<a"), "a0 c1 b0", "several roots");
    assert_eq!(placed("a<- c<x d<c"), "a0 c0? d1", "a parent that never came");
    assert_eq!(placed(""), "");
}

#[test]
fn ids_that_stand_twice_keep_both_spans_and_one_family() {
    assert_eq!(placed("a<- b<a b<a c<b"), "a0 b1 c2 b1=");
    assert_eq!(placed("a<- a<-"), "a0 a0=");
    assert_eq!(placed("-<- -<- a<-"), "-0 -0 a0", "no id is no id");
}

#[test]
fn rings_are_cut_where_they_begin() {
    assert_eq!(placed("a<a"), "a0?");
    assert_eq!(placed("b<a a<b"), "b0? a1");
    assert_eq!(placed("r<- a<c b<a c<b"), "r0 a0? b1 c2");
    assert_eq!(placed("x<b a<b b<a"), "a0? b1 x2", "what hangs on a ring hangs on it, however early it began");
}

#[test]
fn a_chain_of_a_hundred_thousand_is_no_matter() {
    let ids: Vec<String> = (0..100_000).map(|n| n.to_string()).collect();
    let node = |n: usize| Node { id: Some(&ids[n]), parent: n.checked_sub(1).map(|p| ids[p].as_str()) };
    let nodes: Vec<Node<'_>> = (0..ids.len()).map(node).collect();
    assert_eq!(waterfall(&nodes).last().unwrap().depth, 99_999);
}

proptest! {
    #[test]
    fn every_span_is_there_once_below_its_parent(links in prop::collection::vec((0u8..12, prop::option::of(0u8..12)), 0..24)) {
        let names: Vec<(String, Option<String>)> =
            links.iter().map(|(id, parent)| (id.to_string(), parent.map(|p| p.to_string()))).collect();
        let nodes: Vec<Node<'_>> =
            names.iter().map(|(id, parent)| Node { id: Some(id), parent: parent.as_deref() }).collect();
        let order = waterfall(&nodes);
        let all: BTreeSet<usize> = order.iter().map(|placed| placed.node).collect();
        prop_assert_eq!((all.len(), order.len()), (nodes.len(), nodes.len()));
        let mut above: Vec<usize> = Vec::new();
        for placed in &order {
            above.truncate(placed.depth as usize);
            let node = nodes[placed.node];
            match above.last() {
                Some(parent) => {
                    prop_assert_eq!(node.parent, nodes[*parent].id);
                    prop_assert!(!placed.missing_parent);
                }
                None => prop_assert_eq!(placed.missing_parent, node.parent.is_some()),
            }
            above.push(placed.node);
        }
        // A parent that is there and not in a ring has all of its children.
        for placed in order.iter().filter(|placed| placed.missing_parent) {
            let mut seen = BTreeSet::new();
            let mut at = Some(placed.node);
            while let Some(node) = at.filter(|node| seen.insert(*node)) {
                at = nodes[node].parent.and_then(|parent| nodes.iter().position(|n| n.id == Some(parent)));
            }
            prop_assert!(at.is_none_or(|back| back == placed.node), "{} is cut off its parent", placed.node);
        }
    }
}
