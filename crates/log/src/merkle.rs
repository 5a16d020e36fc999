//! Merkle tree hashes, and the verification of inclusion and consistency proofs (RFC 9162 section 2.1).

use signhere_pki::digest::sha256;

/// A SHA-256 Merkle tree hash.
pub type Hash = [u8; 32];

/// The root of the tree without leaves: SHA-256 of nothing (RFC 9162 section 2.1.1).
pub const EMPTY_ROOT: Hash = [
    0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24,
    0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
];

/// The hash of a leaf: SHA-256 of 0x00 and the entry.
pub fn leaf_hash(entry: &[u8]) -> Hash {
    let mut input = Vec::with_capacity(entry.len().saturating_add(1));
    input.push(0);
    input.extend_from_slice(entry);
    sha256(&input)
}

/// The hash of an inner node: SHA-256 of 0x01 and both children.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut input = [1; 65];
    input[1..33].copy_from_slice(left);
    input[33..].copy_from_slice(right);
    sha256(&input)
}

/// Checks that `leaf` is the leaf hash at `index` of the tree of `size` leaves with this `root`
/// (RFC 9162 section 2.1.3.2).
///
/// # Errors
/// The proof has not exactly the length that index and size ask for, or leads to another root.
pub fn verify_inclusion(
    index: u64,
    size: u64,
    leaf: &Hash,
    proof: &[Hash],
    root: &Hash,
) -> Result<(), ProofError> {
    let computed = inclusion_root(index, size, leaf, proof)?;
    if computed != *root {
        return Err(ProofError::RootMismatch {
            expected: *root,
            found: computed,
        });
    }
    Ok(())
}

/// The root of the tree of `size` leaves that `proof` leads to from `leaf` at `index`.
///
/// # Errors
/// `index` is not below `size`, or the proof has not exactly the length that they ask for.
pub fn inclusion_root(
    index: u64,
    size: u64,
    leaf: &Hash,
    proof: &[Hash],
) -> Result<Hash, ProofError> {
    let last = size.checked_sub(1).filter(|last| index <= *last);
    let Some(last) = last else {
        return Err(ProofError::IndexBeyondSize { index, size });
    };
    let path = Path::between(index, last);
    let (inner, border) = path.split(proof)?;
    let hash = inner
        .iter()
        .enumerate()
        .fold(*leaf, |hash, (level, sibling)| {
            if is_right(index, level) {
                node_hash(sibling, &hash)
            } else {
                node_hash(&hash, sibling)
            }
        });
    Ok(climb_border(hash, border))
}

/// Checks that the tree of `old_size` leaves is a prefix of the tree of `new_size` leaves (RFC 9162 section 2.1.4.2).
///
/// Every tree continues the empty one; equal sizes need equal roots. Both take an empty proof.
///
/// # Errors
/// The sizes are out of order, the proof has not exactly the length they ask for, or it leads to another root.
pub fn verify_consistency(
    old_size: u64,
    old_root: &Hash,
    new_size: u64,
    new_root: &Hash,
    proof: &[Hash],
) -> Result<(), ProofError> {
    if old_size > new_size {
        return Err(ProofError::SizesOutOfOrder {
            old: old_size,
            new: new_size,
        });
    }
    if old_size == 0 || old_size == new_size {
        expect_length(0, proof)?;
        let expected = if old_size == 0 { &EMPTY_ROOT } else { new_root };
        if old_root != expected {
            return Err(ProofError::OldRootMismatch {
                expected: *old_root,
                found: *expected,
            });
        }
        if new_size == 0 && *new_root != EMPTY_ROOT {
            return Err(ProofError::RootMismatch {
                expected: *new_root,
                found: EMPTY_ROOT,
            });
        }
        return Ok(());
    }

    // The proof starts at the largest complete subtree that ends where the old tree ends; when that
    // is the whole old tree, its root is known already and is left out of the proof.
    let start_level = old_size.trailing_zeros();
    let start_index = old_size.saturating_sub(1) >> start_level;
    let path = Path::between(start_index, new_size.saturating_sub(1) >> start_level);
    let (seed, rest) = match proof.split_first() {
        _ if old_size.is_power_of_two() => (old_root, proof),
        Some((seed, rest)) => (seed, rest),
        None => {
            return Err(ProofError::Length {
                expected: path.len().saturating_add(1),
                found: 0,
            });
        }
    };
    let skipped = proof.len().saturating_sub(rest.len());
    let (inner, border) = path.split(rest).map_err(|_| ProofError::Length {
        expected: path.len().saturating_add(skipped),
        found: proof.len(),
    })?;

    let mut old = *seed;
    let mut new = *seed;
    for (level, sibling) in inner.iter().enumerate() {
        if is_right(start_index, level) {
            old = node_hash(sibling, &old);
            new = node_hash(sibling, &new);
        } else {
            new = node_hash(&new, sibling);
        }
    }
    old = climb_border(old, border);
    new = climb_border(new, border);
    if old != *old_root {
        return Err(ProofError::OldRootMismatch {
            expected: *old_root,
            found: old,
        });
    }
    if new != *new_root {
        return Err(ProofError::RootMismatch {
            expected: *new_root,
            found: new,
        });
    }
    Ok(())
}

/// Why a proof does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProofError {
    /// The entry's index is not below the tree's size.
    #[error("index {index} is not in a tree of {size} entries")]
    IndexBeyondSize {
        /// The entry's index.
        index: u64,
        /// The tree's size.
        size: u64,
    },
    /// The older tree is larger than the newer one.
    #[error("the older tree has {old} entries, the newer one only {new}")]
    SizesOutOfOrder {
        /// Size of the older tree.
        old: u64,
        /// Size of the newer tree.
        new: u64,
    },
    /// The proof is too short or too long for the tree.
    #[error("the proof has {found} hashes instead of {expected}")]
    Length {
        /// Hashes that such a proof has.
        expected: usize,
        /// Hashes given.
        found: usize,
    },
    /// The proof leads to another root.
    #[error("the proof leads to root {}, not to {}", hex(found), hex(expected))]
    RootMismatch {
        /// The root that was to be proven.
        expected: Hash,
        /// The root that the proof leads to.
        found: Hash,
    },
    /// The proof leads to another root of the older tree.
    #[error(
        "the proof leads to root {} of the older tree, not to {}",
        hex(found),
        hex(expected)
    )]
    OldRootMismatch {
        /// The older root that was to be proven.
        expected: Hash,
        /// The root that the proof leads to.
        found: Hash,
    },
}

/// The way from a node to the root: first the levels where siblings lie on either side, then the tree's
/// right border, where every sibling lies on the left.
struct Path {
    inner: usize,
    border: usize,
}

impl Path {
    /// The path from node `index` to the root, `last` being the last node of the same level.
    fn between(index: u64, last: u64) -> Self {
        let inner = u64::BITS.saturating_sub((index ^ last).leading_zeros());
        let border = index.checked_shr(inner).unwrap_or(0).count_ones();
        Self {
            inner: count(inner),
            border: count(border),
        }
    }

    fn len(&self) -> usize {
        self.inner.saturating_add(self.border)
    }

    fn split<'a>(&self, proof: &'a [Hash]) -> Result<(&'a [Hash], &'a [Hash]), ProofError> {
        expect_length(self.len(), proof)?;
        proof
            .split_at_checked(self.inner)
            .ok_or(ProofError::Length {
                expected: self.len(),
                found: proof.len(),
            })
    }
}

fn expect_length(expected: usize, proof: &[Hash]) -> Result<(), ProofError> {
    if proof.len() != expected {
        return Err(ProofError::Length {
            expected,
            found: proof.len(),
        });
    }
    Ok(())
}

fn climb_border(from: Hash, border: &[Hash]) -> Hash {
    border
        .iter()
        .fold(from, |hash, sibling| node_hash(sibling, &hash))
}

fn is_right(index: u64, level: usize) -> bool {
    u32::try_from(level)
        .ok()
        .and_then(|level| index.checked_shr(level))
        .unwrap_or(0)
        & 1
        == 1
}

/// A number of bits, at most 64.
fn count(bits: u32) -> usize {
    usize::try_from(bits).unwrap_or(usize::MAX)
}

pub(crate) fn hex(hash: &Hash) -> String {
    use std::fmt::Write as _;
    hash.iter()
        .fold(String::with_capacity(64), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}

#[cfg(test)]
pub(crate) mod tests;
