//! The clock, held against the time that really passes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use signhere_pki::time::{Clock, Time};
use thiserror::Error;

/// Seconds by which the clock and the time that passed may differ from one look to the next. Clocks are
/// disciplined by tenths of seconds; whoever moves one by more than this has set it.
const MAX_JUMP: i64 = 10;
/// Seconds that the clock may go back, no more than the accuracy that timestamps claim: a step of tenths of a second
/// may cross the boundary of one. Until it has caught up, the time that it showed before is given again.
pub(crate) const STEP_BACK: i64 = 1;

/// A clock that has been seen to jump. Nothing tells which of its times was right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum ClockJump {
    /// It shows a time earlier than before by more than [`STEP_BACK`], or than the time that passed allows.
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
    state: Mutex<State>,
}

#[derive(Clone, Copy)]
struct State {
    seen: Result<Seen, ClockJump>,
    /// The last time that somebody was given.
    given: Option<Time>,
}

#[derive(Clone, Copy)]
struct Seen {
    /// The latest time that the clock has shown, and so the earliest that may be given.
    latest: Time,
    /// What it showed last.
    clock: Time,
    elapsed: Duration,
}

impl ClockWatch {
    /// A watch over `clock`, which must not be before `since`, the last time that may have been given.
    pub(crate) fn new(clock: Arc<dyn Clock>, since: Time) -> Self {
        let looked = Seen::look(clock.as_ref());
        let seen = match looked.clock < since.plus_seconds(-STEP_BACK) {
            true => Err(ClockJump::Backwards {
                from: since,
                to: looked.clock,
            }),
            false => Ok(Seen {
                latest: looked.clock.max(since),
                ..looked
            }),
        };
        Self {
            clock,
            state: Mutex::new(State { seen, given: None }),
        }
    }

    /// The time to vouch for, as long as the clock has not jumped: never earlier than one given before.
    pub(crate) fn now(&self) -> Result<Time, ClockJump> {
        let mut state = self.look();
        let now = state.seen?.latest;
        state.given = Some(now);
        Ok(now)
    }

    /// The last time that was given by this watch.
    pub(crate) fn given(&self) -> Option<Time> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.given
    }

    /// Looks at the clock, and says whether it has ever jumped. To be called now and then, so that a jump is seen
    /// while nobody asks for the time.
    pub(crate) fn jump(&self) -> Option<ClockJump> {
        self.look().seen.err()
    }

    fn look(&self) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        // Looked at under the lock, or two threads would see each other's times in the wrong order.
        let next = |seen: Seen| seen.next(Seen::look(self.clock.as_ref()));
        state.seen = state.seen.and_then(next);
        state
    }
}

impl Seen {
    fn look(clock: &dyn Clock) -> Self {
        let now = clock.now();
        Self {
            latest: now,
            clock: now,
            elapsed: clock.elapsed(),
        }
    }

    /// What is seen next, unless the clock has jumped in between.
    fn next(self, next: Self) -> Result<Self, ClockJump> {
        let passed = next.elapsed.saturating_sub(self.elapsed).as_secs();
        let expected = self
            .clock
            .plus_seconds(i64::try_from(passed).unwrap_or(i64::MAX));
        let (from, to) = (expected.max(self.latest), next.clock);
        if to < self.latest.plus_seconds(-STEP_BACK) || to < expected.plus_seconds(-MAX_JUMP) {
            return Err(ClockJump::Backwards { from, to });
        }
        if to > expected.plus_seconds(MAX_JUMP) {
            return Err(ClockJump::Forwards { from, to });
        }
        let latest = self.latest.max(to);
        Ok(Self { latest, ..next })
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
    fn a_step_back_of_a_second_is_waited_out_and_no_time_comes_twice_in_the_wrong_order() {
        let (clock, watch) = watch();
        assert_eq!((watch.given(), watch.jump()), (None, None));
        clock.advance(5);
        assert_eq!((watch.now(), watch.given()), (Ok(at(5)), Some(at(5))));
        clock.advance(-1);
        for (passed, expected) in [(0, 5), (1, 5), (1, 6)] {
            clock.advance(passed);
            assert_eq!(watch.now(), Ok(at(expected)));
        }
        // What is only looked at has not been given.
        clock.advance(1);
        assert_eq!((watch.jump(), watch.given()), (None, Some(at(6))));
        // Step by step it may not go further.
        clock.advance(-1);
        assert_eq!(watch.now(), Ok(at(7)));
        clock.advance(-1);
        let (from, to) = (at(7), at(5));
        assert_eq!(watch.now(), Err(ClockJump::Backwards { from, to }));
        assert_eq!(watch.given(), Some(at(7)));
    }

    #[test]
    fn two_seconds_backwards_are_a_jump_for_good() {
        let (clock, watch) = watch();
        clock.advance(-2);
        let jump = Err(ClockJump::Backwards {
            from: START,
            to: at(-2),
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
        let watch = |start| ClockWatch::new(Arc::new(FakeClock::at(at(start))), START);
        let jump = ClockJump::Backwards {
            from: START,
            to: at(-2),
        };
        assert_eq!(watch(-2).now(), Err(jump));
        assert_eq!(watch(-1).now(), Ok(START));
    }
}
