//! Checks that held: a verifier that is kept does not repeat them for the next bundle.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use signhere_pki::digest::sha256;

/// How many checks are remembered: a mebibyte, or a batch of some thousands of bundles.
const CAPACITY: usize = 16_384;

/// What is remembered is that a check of these very bytes held, by their SHA-256; never that one failed, and never
/// anything that depends on the time or on who was expected.
#[derive(Clone, Debug, Default)]
pub(super) struct Memo(Arc<Mutex<HashSet<[u8; 32]>>>);

impl Memo {
    /// Takes the check, unless it held before for the same `parts`. They say what is checked and have to hold all
    /// that its outcome depends on.
    pub(super) fn once<E>(
        &self,
        parts: &[&[u8]],
        check: impl FnOnce() -> Result<(), E>,
    ) -> Result<(), E> {
        let digest = digest(parts);
        if self.lock().contains(&digest) {
            return Ok(());
        }
        check()?;
        let mut held = self.lock();
        if held.len() >= CAPACITY {
            held.clear();
        }
        held.insert(digest);
        Ok(())
    }

    pub(super) fn clear(&self) {
        self.lock().clear();
    }

    /// A set of digests is as good after a panic as before.
    fn lock(&self) -> MutexGuard<'_, HashSet<[u8; 32]>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Each part with its length before it, so that no two lists of parts are the same bytes.
fn digest(parts: &[&[u8]]) -> [u8; 32] {
    let length = parts.iter().map(|part| part.len() + 8).sum();
    let mut bytes = Vec::with_capacity(length);
    for part in parts {
        bytes.extend(part.len().to_be_bytes());
        bytes.extend(*part);
    }
    sha256(&bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_that_held_is_not_repeated_and_one_that_failed_is() {
        let memo = Memo::default();
        assert_eq!(memo.once(&[b"a"], || Err("no")), Err("no"));
        assert_eq!(memo.once(&[b"a"], || Ok::<_, &str>(())), Ok(()));
        assert_eq!(memo.once(&[b"a"], || Err("not asked")), Ok(()));
        memo.clear();
        assert_eq!(
            memo.once(&[b"a"], || Err("asked again")),
            Err("asked again")
        );
    }

    #[test]
    fn other_parts_are_another_check() {
        let memo = Memo::default();
        let held = memo.once(&[b"ab", b"c"], || Ok::<_, ()>(()));
        assert_eq!(held, Ok(()));
        for parts in [
            &[&b"a"[..], b"bc"][..],
            &[b"abc"],
            &[b"ab", b"c", b""],
            &[b"c", b"ab"],
        ] {
            assert_eq!(memo.once(parts, || Err(())), Err(()), "{parts:?}");
        }
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let memo = Memo::default();
        for number in 0..3 * CAPACITY {
            let held = memo.once(&[&number.to_be_bytes()], || Ok::<_, ()>(()));
            assert_eq!(held, Ok(()));
            assert!(memo.lock().len() <= CAPACITY);
        }
    }
}
