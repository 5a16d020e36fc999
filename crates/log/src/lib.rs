//! Transparency logs: Merkle trees, tiles, notes, checkpoints and the sequencer over storage traits.
