//! Building inclusion and consistency proofs from a tree's nodes (RFC 9162 sections 2.1.3.1 and 2.1.4.1).

use crate::merkle::{EMPTY_ROOT, Hash, node_hash};

/// The hashes of complete subtrees.
pub trait Nodes {
    /// Why a node cannot be had.
    type Error;

    /// The hash of the complete subtree over the leaves from `index << level` to `(index + 1) << level`.
    ///
    /// # Errors
    /// The node is not in the tree, or its storage failed.
    fn node(&self, level: u32, index: u64) -> Result<Hash, Self::Error>;
}

/// The root of the tree of `size` leaves.
///
/// # Errors
/// Those of `nodes`.
pub fn root<N: Nodes + ?Sized>(nodes: &N, size: u64) -> Result<Hash, N::Error> {
    if size == 0 {
        return Ok(EMPTY_ROOT);
    }
    subtree(nodes, 0, size)
}

/// The proof that leaf `index` is in the tree of `size` leaves; empty when `index` is not below `size`.
///
/// # Errors
/// Those of `nodes`.
pub fn inclusion<N: Nodes + ?Sized>(
    nodes: &N,
    index: u64,
    size: u64,
) -> Result<Vec<Hash>, N::Error> {
    let mut proof = Vec::new();
    if index >= size {
        return Ok(proof);
    }
    let (mut start, mut end) = (0, size);
    while let Some(middle) = split_point(start, end) {
        if index < middle {
            proof.push(subtree(nodes, middle, end)?);
            end = middle;
        } else {
            proof.push(subtree(nodes, start, middle)?);
            start = middle;
        }
    }
    proof.reverse();
    Ok(proof)
}

/// The proof that the tree of `new` leaves continues the tree of `old` leaves; empty when `old` is
/// zero or not below `new`.
///
/// # Errors
/// Those of `nodes`.
pub fn consistency<N: Nodes + ?Sized>(
    nodes: &N,
    old: u64,
    new: u64,
) -> Result<Vec<Hash>, N::Error> {
    let mut proof = Vec::new();
    if old == 0 || old >= new {
        return Ok(proof);
    }
    let (mut start, mut end) = (0, new);
    while end != old {
        let Some(middle) = split_point(start, end) else {
            break;
        };
        if old <= middle {
            proof.push(subtree(nodes, middle, end)?);
            end = middle;
        } else {
            proof.push(subtree(nodes, start, middle)?);
            start = middle;
        }
    }
    // The verifier knows the old root already when it is the starting point itself.
    if start != 0 {
        proof.push(subtree(nodes, start, end)?);
    }
    proof.reverse();
    Ok(proof)
}

/// The hash over the leaves from `start` to `end`, where `start` is a multiple of the largest power of two
/// that is at most `end - start`.
fn subtree<N: Nodes + ?Sized>(nodes: &N, start: u64, end: u64) -> Result<Hash, N::Error> {
    let mut complete = Vec::new();
    let mut from = start;
    while let Some(level) = end.saturating_sub(from).checked_ilog2() {
        complete.push(nodes.node(level, from >> level)?);
        from = from.saturating_add(1 << level);
    }
    let mut smaller_first = complete.into_iter().rev();
    let smallest = smaller_first.next().unwrap_or(EMPTY_ROOT);
    Ok(smaller_first.fold(smallest, |right, left| node_hash(&left, &right)))
}

/// Where RFC 9162 splits the leaves from `start` to `end`: none for a single leaf.
fn split_point(start: u64, end: u64) -> Option<u64> {
    let largest = end
        .saturating_sub(start)
        .saturating_sub(1)
        .checked_ilog2()?;
    start.checked_add(1 << largest)
}
