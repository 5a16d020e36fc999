use super::*;
use crate::proof;

/// A tree that keeps every leaf hash and computes everything from the definitions.
pub(crate) struct Naive(pub(crate) Vec<Hash>);

impl Naive {
    pub(crate) fn root(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => EMPTY_ROOT,
            [leaf] => *leaf,
            _ => {
                let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
                node_hash(&Self::root(left), &Self::root(right))
            }
        }
    }

    pub(crate) fn inclusion(leaves: &[Hash], index: usize) -> Vec<Hash> {
        if leaves.len() == 1 {
            return Vec::new();
        }
        let middle = leaves.len().next_power_of_two() / 2;
        let (left, right) = leaves.split_at(middle);
        let (mut path, sibling) = if index < middle {
            (Self::inclusion(left, index), Self::root(right))
        } else {
            (Self::inclusion(right, index - middle), Self::root(left))
        };
        path.push(sibling);
        path
    }
}

impl proof::Nodes for Naive {
    type Error = std::convert::Infallible;

    fn node(&self, level: u32, index: u64) -> Result<Hash, Self::Error> {
        let width = 1 << level;
        let start = usize::try_from(index).unwrap() * width;
        Ok(Self::root(&self.0[start..start + width]))
    }
}

fn naive(size: u64) -> Naive {
    Naive(
        (0..size)
            .map(|index| leaf_hash(&index.to_be_bytes()))
            .collect(),
    )
}

/// The vectors that the RFC 6962 reference implementations share.
#[test]
fn known_roots() {
    let entries: [&[u8]; 8] = [
        b"",
        b"\x00",
        b"\x10",
        b"\x20\x21",
        b"\x30\x31",
        b"\x40\x41\x42\x43",
        b"\x50\x51\x52\x53\x54\x55\x56\x57",
        b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
    ];
    let tree = Naive(entries.iter().map(|entry| leaf_hash(entry)).collect());
    for (size, expected) in [
        (
            0,
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        ),
        (
            1,
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        ),
        (
            2,
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        ),
        (
            3,
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        ),
        (
            8,
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ),
    ] {
        assert_eq!(hex(&proof::root(&tree, size).unwrap()), expected);
    }
}

#[test]
fn every_inclusion_proof_of_small_trees_holds_and_no_other() {
    for size in 1..=40 {
        let tree = naive(size);
        let root = Naive::root(&tree.0);
        for index in 0..size {
            let proof = proof::inclusion(&tree, index, size).unwrap();
            let leaf = tree.0[usize::try_from(index).unwrap()];
            assert_eq!(
                proof,
                Naive::inclusion(&tree.0, usize::try_from(index).unwrap())
            );
            assert_eq!(verify_inclusion(index, size, &leaf, &proof, &root), Ok(()));
            for other in (0..size).filter(|other| *other != index) {
                assert!(verify_inclusion(other, size, &leaf, &proof, &root).is_err());
            }
            refuses_changes(&proof, |proof| {
                verify_inclusion(index, size, &leaf, proof, &root)
            });
        }
    }
}

#[test]
fn every_consistency_proof_of_small_trees_holds_and_no_other() {
    for new in 0..=40 {
        let tree = naive(new);
        let new_root = Naive::root(&tree.0);
        for old in 0..=new {
            let old_root = Naive::root(&tree.0[..usize::try_from(old).unwrap()]);
            let proof = proof::consistency(&tree, old, new).unwrap();
            assert_eq!(
                verify_consistency(old, &old_root, new, &new_root, &proof),
                Ok(())
            );
            refuses_changes(&proof, |proof| {
                verify_consistency(old, &old_root, new, &new_root, proof)
            });
            let wrong = leaf_hash(b"another tree");
            assert!(verify_consistency(old, &wrong, new, &new_root, &proof).is_err());
            if old != 0 {
                assert!(verify_consistency(old, &old_root, new, &wrong, &proof).is_err());
            }
        }
    }
}

/// Each hash changed, left out or doubled: all refused, and a wrong length for being one.
fn refuses_changes(proof: &[Hash], verify: impl Fn(&[Hash]) -> Result<(), ProofError>) {
    for position in 0..proof.len() {
        let mut changed = proof.to_vec();
        changed[position][7] ^= 1;
        assert!(matches!(
            verify(&changed),
            Err(ProofError::RootMismatch { .. } | ProofError::OldRootMismatch { .. })
        ));
        let mut shorter = proof.to_vec();
        shorter.remove(position);
        let expected = proof.len();
        assert_eq!(
            verify(&shorter),
            Err(ProofError::Length {
                expected,
                found: shorter.len()
            })
        );
    }
    let mut longer = proof.to_vec();
    longer.push(EMPTY_ROOT);
    assert_eq!(
        verify(&longer),
        Err(ProofError::Length {
            expected: proof.len(),
            found: longer.len()
        })
    );
}

#[test]
fn extreme_sizes_are_refused_without_overflow() {
    let leaf = leaf_hash(b"x");
    assert_eq!(
        verify_inclusion(0, 0, &leaf, &[], &leaf),
        Err(ProofError::IndexBeyondSize { index: 0, size: 0 })
    );
    assert_eq!(
        verify_inclusion(u64::MAX, u64::MAX, &leaf, &[], &leaf),
        Err(ProofError::IndexBeyondSize {
            index: u64::MAX,
            size: u64::MAX
        })
    );
    assert_eq!(
        verify_inclusion(0, u64::MAX, &leaf, &[], &leaf),
        Err(ProofError::Length {
            expected: 64,
            found: 0
        })
    );
    assert_eq!(
        verify_inclusion(u64::MAX - 1, u64::MAX, &leaf, &[], &leaf),
        Err(ProofError::Length {
            expected: 63,
            found: 0
        })
    );
    assert_eq!(
        verify_consistency(1, &leaf, u64::MAX, &leaf, &[]),
        Err(ProofError::Length {
            expected: 64,
            found: 0
        })
    );
    assert_eq!(
        verify_consistency(u64::MAX - 1, &leaf, u64::MAX, &leaf, &[]),
        Err(ProofError::Length {
            expected: 64,
            found: 0
        })
    );
    assert_eq!(
        verify_consistency(2, &leaf, 1, &leaf, &[]),
        Err(ProofError::SizesOutOfOrder { old: 2, new: 1 })
    );
    assert_eq!(
        verify_consistency(5, &leaf, 5, &EMPTY_ROOT, &[]),
        Err(ProofError::OldRootMismatch {
            expected: leaf,
            found: EMPTY_ROOT
        })
    );
}
