//! Randomness that is the same in every run.

use std::sync::atomic::{AtomicU64, Ordering};

use signhere_pki::{
    digest::sha256,
    random::{Random, RandomError},
};

/// SHA-256 over a seed and a counter: as good as random to the code under test, and repeatable.
#[derive(Debug)]
pub struct SeededRandom {
    seed: u64,
    blocks: AtomicU64,
}

impl SeededRandom {
    /// The source that `seed` names.
    pub const fn new(seed: u64) -> Self {
        Self {
            seed,
            blocks: AtomicU64::new(0),
        }
    }
}

impl Random for SeededRandom {
    fn fill(&self, buf: &mut [u8]) -> Result<(), RandomError> {
        for chunk in buf.chunks_mut(32) {
            let block = self.blocks.fetch_add(1, Ordering::SeqCst);
            let mut input = [0; 16];
            input[..8].copy_from_slice(&self.seed.to_be_bytes());
            input[8..].copy_from_slice(&block.to_be_bytes());
            chunk.copy_from_slice(&sha256(&input)[..chunk.len()]);
        }
        Ok(())
    }
}

/// A random source that always fails.
#[derive(Clone, Copy, Debug)]
pub struct BrokenRandom;

impl Random for BrokenRandom {
    fn fill(&self, _: &mut [u8]) -> Result<(), RandomError> {
        Err(RandomError)
    }
}
