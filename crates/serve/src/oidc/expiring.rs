//! A bounded set of things that are forgotten after their time.

use std::collections::HashMap;
use std::hash::Hash;

use signhere_pki::time::Time;

/// Values that are forgotten after their time; never more than its capacity.
#[derive(Debug)]
pub(super) struct Expiring<V, K = [u8; 32]> {
    capacity: usize,
    kept: HashMap<K, (Time, V)>,
}

/// There is no room for one more.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Full;

impl<V, K: Hash + Eq> Expiring<V, K> {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            kept: HashMap::new(),
        }
    }

    /// Keeps `value` up to and including `until`.
    pub(super) fn keep(&mut self, key: K, value: V, until: Time, now: Time) -> Result<(), Full> {
        if self.kept.len() >= self.capacity {
            self.kept.retain(|_, (until, _)| *until >= now);
        }
        if self.kept.len() >= self.capacity {
            return Err(Full);
        }
        self.kept.insert(key, (until, value));
        Ok(())
    }

    /// The value, which is then forgotten.
    pub(super) fn take(&mut self, key: &K, now: Time) -> Option<V> {
        let (until, value) = self.kept.remove(key)?;
        (until >= now).then_some(value)
    }

    /// The value, kept on.
    pub(super) fn look_at(&mut self, key: &K, now: Time) -> Option<&mut V> {
        self.kept
            .get_mut(key)
            .filter(|(until, _)| *until >= now)
            .map(|(_, value)| value)
    }

    /// The first value that `wanted` picks out.
    pub(super) fn find(&mut self, now: Time, wanted: impl Fn(&V) -> bool) -> Option<&mut V> {
        self.kept
            .values_mut()
            .find(|(until, value)| *until >= now && wanted(value))
            .map(|(_, value)| value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: i64) -> Time {
        Time::from_unix(seconds)
    }

    #[test]
    fn taken_once_and_only_in_time() {
        let mut kept = Expiring::new(2);
        kept.keep(1, 'a', at(10), at(0)).unwrap();
        kept.keep(2, 'b', at(10), at(0)).unwrap();
        assert_eq!(kept.take(&1, at(10)), Some('a'));
        assert_eq!(kept.take(&1, at(10)), None);
        assert_eq!(kept.look_at(&2, at(11)), None);
        assert_eq!(kept.take(&2, at(11)), None);
    }

    #[test]
    fn bounded_but_the_expired_make_room() {
        let mut kept = Expiring::new(1);
        kept.keep(1, 'a', at(10), at(0)).unwrap();
        assert_eq!(kept.keep(2, 'b', at(20), at(10)), Err(Full));
        kept.keep(2, 'b', at(20), at(11)).unwrap();
        assert_eq!(kept.find(at(12), |value| *value == 'b'), Some(&mut 'b'));
    }
}
