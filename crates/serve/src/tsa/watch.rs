//! The clock, held against the time that really passes.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use signhere_pki::time::{Clock, Time};
use thiserror::Error;

/// Seconds by which the clock and the time that passed may differ from one look to the next. Clocks are
/// disciplined by tenths of seconds; whoever moves one by more than this has set it.
const MAX_JUMP: i64 = 10;

/// A clock that has been seen to jump. Nothing tells which of its times was right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum ClockJump {
    /// It shows an earlier time than before, or an earlier one than the time that passed allows.
    #[error("the clock went backwards, from {from} to {to}")]
    Backwards {
        /// The time expected at least.
        from: Time,
        /// The time found.
        to: Time,
    },
    /// It gained more on the time that passed than [`MAX_JUMP`].
    #[error("the clock jumped forwards, from {from} to {to}")]
    Forwards {
        /// The time expected.
        from: Time,
        /// The time found.
        to: Time,
    },
}

/// A clock and what it showed last. Once it has jumped it gives no time any more: only a new watch does, which
/// somebody starts who has looked at the clock.
///
/// One for all authorities of an instance, as long as it runs: a new key does not mend the clock.
pub(crate) struct ClockWatch {
    clock: Arc<dyn Clock>,
    seen: Mutex<Result<Seen, ClockJump>>,
}

#[derive(Clone, Copy)]
struct Seen {
    now: Time,
    elapsed: Duration,
}

impl ClockWatch {
    /// A watch over `clock`, which must not be before `since`.
    pub(crate) fn new(clock: Arc<dyn Clock>, since: Time) -> Self {
        let seen = Seen::look(clock.as_ref());
        let seen = match seen.now < since {
            true => Err(ClockJump::Backwards {
                from: since,
                to: seen.now,
            }),
            false => Ok(seen),
        };
        Self {
            clock,
            seen: Mutex::new(seen),
        }
    }

    /// The time, as long as the clock has not jumped.
    pub(crate) fn now(&self) -> Result<Time, ClockJump> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        // Looked at under the lock, or two threads would see each other's times in the wrong order.
        *seen = (*seen).and_then(|seen| seen.next(Seen::look(self.clock.as_ref())));
        seen.map(|seen| seen.now)
    }

    /// Looks at the clock, and says whether it has ever jumped. To be called now and then, so that a jump is seen
    /// while nobody asks for the time.
    pub(crate) fn jump(&self) -> Option<ClockJump> {
        self.now().err()
    }
}

impl Seen {
    fn look(clock: &dyn Clock) -> Self {
        Self {
            now: clock.now(),
            elapsed: clock.elapsed(),
        }
    }

    /// What is seen next, unless the clock has jumped in between.
    fn next(self, next: Self) -> Result<Self, ClockJump> {
        let passed = next.elapsed.saturating_sub(self.elapsed).as_secs();
        let expected = self
            .now
            .plus_seconds(i64::try_from(passed).unwrap_or(i64::MAX));
        let (from, to) = (expected, next.now);
        if to < self.now || to < expected.plus_seconds(-MAX_JUMP) {
            return Err(ClockJump::Backwards { from, to });
        }
        if to > expected.plus_seconds(MAX_JUMP) {
            return Err(ClockJump::Forwards { from, to });
        }
        Ok(next)
    }
}

#[cfg(test)]
mod tests {
    use signhere_testkit::clock::FakeClock;

    use super::*;

    const START: Time = Time::from_unix(1_795_000_000);

    fn at(seconds: i64) -> Time {
        START.plus_seconds(seconds)
    }

    fn watch() -> (Arc<FakeClock>, ClockWatch) {
        let clock = Arc::new(FakeClock::at(START));
        (Arc::clone(&clock), ClockWatch::new(clock, START))
    }

    #[test]
    fn time_that_passes_is_no_jump() {
        let (clock, watch) = watch();
        for (step, expected) in [(0, 0), (1, 1), (1_000_000, 1_000_001)] {
            clock.advance(step);
            assert_eq!(watch.now(), Ok(at(expected)));
        }
        // As much as a disciplined clock is moved, either way, but never back behind what it showed.
        clock.advance(100);
        clock.set(at(1_000_001 + 100 - MAX_JUMP));
        assert_eq!(watch.now(), Ok(at(1_000_001 + 100 - MAX_JUMP)));
        clock.set(at(1_000_001 + 100));
        assert_eq!(watch.now(), Ok(at(1_000_001 + 100)));
    }

    #[test]
    fn one_second_backwards_is_a_jump_for_good() {
        let (clock, watch) = watch();
        clock.advance(-1);
        let jump = Err(ClockJump::Backwards {
            from: START,
            to: at(-1),
        });
        assert_eq!(watch.now(), jump);
        clock.advance(3600);
        assert_eq!(watch.now(), jump);
    }

    #[test]
    fn a_step_back_that_time_has_made_up_for_is_a_jump() {
        let (clock, watch) = watch();
        clock.advance(3600);
        clock.set(at(3600 - MAX_JUMP - 1));
        let jump = ClockJump::Backwards {
            from: at(3600),
            to: at(3600 - MAX_JUMP - 1),
        };
        assert_eq!(watch.now(), Err(jump));
    }

    #[test]
    fn forwards_by_more_than_the_bound_is_a_jump() {
        let (clock, watch) = watch();
        clock.advance(5);
        clock.set(at(5 + MAX_JUMP + 1));
        let jump = Err(ClockJump::Forwards {
            from: at(5),
            to: at(5 + MAX_JUMP + 1),
        });
        assert_eq!(watch.now(), jump);
        clock.set(at(5));
        assert_eq!(watch.now(), jump);
    }

    #[test]
    fn a_clock_from_before_everything_is_not_believed() {
        let watch = ClockWatch::new(Arc::new(FakeClock::at(at(-1))), START);
        let jump = ClockJump::Backwards {
            from: START,
            to: at(-1),
        };
        assert_eq!(watch.now(), Err(jump));
    }
}
