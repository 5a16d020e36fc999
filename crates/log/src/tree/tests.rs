use super::*;
use crate::merkle::tests::Naive;
use crate::merkle::{leaf_hash, verify_consistency, verify_inclusion};

/// Three tile levels would take 16 million leaves; two are crossed here.
#[test]
fn roots_and_proofs_are_those_of_a_naive_tree_at_every_size() {
    let leaves: Vec<Hash> = (0..1_100_u64)
        .map(|i| leaf_hash(&i.to_be_bytes()))
        .collect();
    let mut tree = Tree::default();
    for (index, leaf) in leaves.iter().enumerate() {
        assert!(tree.push(*leaf));
        let size = index + 1;
        if size % 37 == 0 || size % 256 < 3 || size % 256 > 253 {
            let root = Naive::root(&leaves[..size]);
            assert_eq!(tree.root(), Ok(root));
            let size = u64::try_from(size).unwrap();
            for index in [0, size / 2, size - 1] {
                let leaf = leaves[usize::try_from(index).unwrap()];
                let proof = proof::inclusion(&tree, index, size).unwrap();
                assert_eq!(verify_inclusion(index, size, &leaf, &proof, &root), Ok(()));
            }
            let old = size.div_ceil(3);
            let old_root = Naive::root(&leaves[..usize::try_from(old).unwrap()]);
            let proof = proof::consistency(&tree, old, size).unwrap();
            assert_eq!(
                verify_consistency(old, &old_root, size, &root, &proof),
                Ok(())
            );
        }
    }
}

#[test]
fn a_tree_goes_on_from_its_partial_tiles_alone() {
    let leaf = |index: u64| leaf_hash(&index.to_be_bytes());
    for size in [
        0, 1, 255, 256, 257, 511, 512, 65_535, 65_536, 65_537, 65_900,
    ] {
        let mut tree = Tree::default();
        for index in 0..size {
            tree.push(leaf(index));
        }
        let stored = tree.partial();
        let mut loaded = Tree::load(size, |id| {
            let (_, bytes) = stored.iter().find(|(stored, _)| *stored == id).ok_or(id)?;
            Ok::<_, TileId>(bytes.as_chunks::<32>().0.to_vec())
        })
        .unwrap();
        assert_eq!(loaded.root(), tree.root());
        tree.forget_filled();
        for index in size..size + 300 {
            tree.push(leaf(index));
            loaded.push(leaf(index));
        }
        assert_eq!(loaded.root(), tree.root());
        assert_eq!(loaded.changed(), tree.changed());
    }
}

#[test]
fn a_node_that_was_given_up_is_not_invented() {
    let mut tree = Tree::default();
    for index in 0..600_u64 {
        tree.push(leaf_hash(&index.to_be_bytes()));
    }
    tree.forget_filled();
    assert_eq!(tree.node(0, 3), Err(NotKept { level: 0, index: 3 }));
    assert_eq!(
        tree.node(0, 600),
        Err(NotKept {
            level: 0,
            index: 600
        })
    );
    assert_eq!(
        tree.node(64, 0),
        Err(NotKept {
            level: 64,
            index: 0
        })
    );
    assert!(tree.node(0, 599).is_ok());
}
