//! Nothing that is read makes a parser panic, and what a parser accepts is written back as it was read.

use proptest::prelude::*;
use signhere_log::checkpoint::{Checkpoint, SignedCheckpoint};
use signhere_log::layout::Layout;
use signhere_log::merkle::{Hash, verify_consistency, verify_inclusion};
use signhere_log::note::Note;
use signhere_log::static_ct::{TileLeaf, leaf_index};
use signhere_log::tile::{TileId, split_entries, unpack_hashes};

const NOTE: &str = "log.example\n12\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\nextension\n\n\u{2014} log.example AAAAAAA=\n\u{2014} w AAAAAAA=\n";

proptest! {
    #[test]
    fn notes(position in 0..NOTE.len(), insert in prop::collection::vec(any::<u8>(), 0..4), remove in 0_usize..4) {
        let mut bytes = NOTE.as_bytes().to_vec();
        let end = (position + remove).min(bytes.len());
        bytes.splice(position..end, insert);
        if let Ok(note) = Note::parse(&bytes) {
            prop_assert!(note.text().ends_with('\n') && !note.signatures().is_empty());
            prop_assert!(bytes.starts_with(note.text().as_bytes()));
        }
        if let Ok(signed) = SignedCheckpoint::parse(&bytes) {
            prop_assert_eq!(signed.checkpoint.to_text(), signed.note.text());
        }
    }

    #[test]
    fn checkpoints(text in "[a-z]{0,3}\n[0-9]{0,21}\n[A-Za-z0-9+/]{43}=\n([a-z]{0,2}\n){0,2}") {
        if let Ok(checkpoint) = Checkpoint::parse_text(&text) {
            prop_assert_eq!(checkpoint.to_text(), text);
        }
    }

    #[test]
    fn tile_paths(path in "(tile/)?([0-9]{1,3}|entries|data|x)/(x[0-9]{3}/){0,7}[0-9]{2,4}(\\.p/[0-9]{1,3})?") {
        if let Ok(id) = path.parse::<TileId>() {
            prop_assert_eq!(id.to_string(), path);
        }
    }

    #[test]
    fn tiles(bytes in prop::collection::vec(any::<u8>(), 0..200), width in any::<u16>()) {
        let _ = unpack_hashes(&bytes, width);
        if let Ok(entries) = split_entries(&bytes, width) {
            prop_assert_eq!(entries.len(), usize::from(width));
        }
        let _ = Layout::StaticCt.split(&bytes, width);
        let _ = leaf_index(&bytes);
        if let Ok((leaf, rest)) = TileLeaf::decode(&bytes) {
            prop_assert_eq!([leaf.encode().unwrap().as_slice(), rest].concat(), bytes);
        }
    }

    /// Proofs of any shape for trees of any size: refused unless a hash function was broken, without a panic.
    #[test]
    fn proofs(a in any::<u64>(), b in any::<u64>(), proof in prop::collection::vec(any::<Hash>(), 0..70)) {
        prop_assert!(verify_inclusion(a, b, &[1; 32], &proof, &[2; 32]).is_err());
        prop_assert!(verify_consistency(a, &[1; 32], b, &[2; 32], &proof).is_err());
    }
}
