//! The tree on a terminal.

use std::fmt::Write as _;

use super::{Node, State};
use crate::output::style::{BAD, DIM, cross, paint, tick};
use crate::output::text::safe;

/// The nodes as lines, each ended by a line feed.
pub(crate) fn tree(nodes: &[Node]) -> String {
    let mut out = String::new();
    branches(nodes, "", &mut out);
    out
}

/// The tree is as deep as it is built: three levels.
fn branches(nodes: &[Node], indent: &str, out: &mut String) {
    for (number, node) in nodes.iter().enumerate() {
        let is_last = number.saturating_add(1) == nodes.len();
        let (turn, down) = if is_last {
            ("└─", "  ")
        } else {
            ("├─", "│ ")
        };
        let _ = write!(out, "{}{}", paint(DIM, indent), paint(DIM, turn));
        let _ = write!(out, " {} {}", mark(node.state), paint(DIM, node.label));
        let text = safe(&node.text);
        match node.state {
            State::Failed => {
                let _ = writeln!(out, "  {}", paint(BAD, text));
            }
            State::Claimed => {
                let _ = writeln!(out, "  {text} {}", paint(DIM, "(claimed)"));
            }
            _ => {
                let _ = writeln!(out, "  {text}");
            }
        }
        let inner = format!("{indent}{down} ");
        let stem = if node.children.is_empty() { " " } else { "│" };
        let width = node.facts.iter().map(|fact| fact.name.len()).max();
        let width = width.unwrap_or_default();
        for fact in &node.facts {
            let _ = writeln!(
                out,
                "{}   {}  {}",
                paint(DIM, format_args!("{inner}{stem}")),
                paint(DIM, format_args!("{:<width$}", fact.name)),
                safe(&fact.value)
            );
        }
        branches(&node.children, &inner, out);
    }
}

fn mark(state: State) -> String {
    match state {
        State::Proven => tick(),
        State::Failed => cross(),
        State::Claimed => paint(DIM, "?"),
        State::NotReached | State::NotAsked => paint(DIM, "-"),
    }
}
