//! The last time that the authority has vouched for, kept for the next start: a clock that was set back in between is
//! known by it.

use std::path::PathBuf;

use signhere_pki::time::Time;

use crate::error::ServeError;
use crate::state::files::{self, SECRET, write_durably};

/// Seconds between two writes. After a crash the mark may be so much older than what was given, no more than a clock is
/// believed to be moved while the instance runs.
const PERIOD: i64 = 10;
const FILE_LIMIT: u64 = 64;

/// The file of that time. Without one, nothing has been given.
#[derive(Debug)]
pub(crate) struct GivenMark {
    path: PathBuf,
    noted: Option<Time>,
}

impl GivenMark {
    /// The mark in the file at `path`, if there is one.
    ///
    /// # Errors
    /// [`ServeError::Damaged`] if the file is something else.
    pub(crate) fn open(path: PathBuf) -> Result<Self, ServeError> {
        let Some(bytes) = files::read_bounded(&path, FILE_LIMIT)? else {
            return Ok(Self { path, noted: None });
        };
        let text = std::str::from_utf8(&bytes).ok();
        let time = text.and_then(|text| Time::parse_rfc3339(text.trim_end()).ok());
        match time {
            Some(time) => Ok(Self {
                path,
                noted: Some(time),
            }),
            None => Err(ServeError::Damaged {
                path,
                expected: "the time of the last timestamp",
            }),
        }
    }

    /// The last time that is known to have been given.
    pub(crate) fn noted(&self) -> Option<Time> {
        self.noted
    }

    /// Refuses a clock that is behind what was given by more than `tolerance` seconds.
    pub(crate) fn check(&self, now: Time, tolerance: i64) -> Result<(), ServeError> {
        match self.noted {
            Some(given) if now < given.plus_seconds(-tolerance) => Err(ServeError::ClockSetBack {
                given,
                now,
                mark: self.path.clone(),
            }),
            _ => Ok(()),
        }
    }

    /// Notes durably that `given` has been given; now and then, or `at_once`.
    pub(crate) fn note(&mut self, given: Time, at_once: bool) -> Result<(), ServeError> {
        let wait = if at_once { 1 } else { PERIOD };
        let is_due = |noted: Time| given >= noted.plus_seconds(wait);
        if self.noted.is_none_or(is_due) {
            write_durably(&self.path, format!("{given}\n").as_bytes(), SECRET)?;
            self.noted = Some(given);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Time = Time::from_unix(1_795_000_000);

    #[test]
    fn the_mark_is_written_now_and_then_and_read_at_the_next_start() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("tsa");
        let open = || GivenMark::open(path.clone());
        let mut mark = open().unwrap();
        assert_eq!(mark.noted(), None);
        assert_eq!(mark.check(Time::from_unix(0), 0), Ok(()));
        for (passed, at_once, noted) in [
            (0, false, 0),
            (9, false, 0),
            (10, false, 10),
            (15, false, 10),
            (15, true, 15),
            (14, true, 15),
        ] {
            mark.note(START.plus_seconds(passed), at_once).unwrap();
            let noted = Some(START.plus_seconds(noted));
            assert_eq!((mark.noted(), open().unwrap().noted()), (noted, noted));
        }
        let given = START.plus_seconds(15);
        for (now, is_fine) in [(15, true), (14, true), (13, false)] {
            let now = START.plus_seconds(now);
            let back = ServeError::ClockSetBack {
                given,
                now,
                mark: path.clone(),
            };
            let expected = if is_fine { Ok(()) } else { Err(back) };
            assert_eq!(mark.check(now, 1), expected);
        }
    }

    #[test]
    fn a_damaged_mark_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("tsa");
        for damaged in [&b""[..], b"yesterday\n", b"\xff"] {
            std::fs::write(&path, damaged).unwrap();
            let error = ServeError::Damaged {
                path: path.clone(),
                expected: "the time of the last timestamp",
            };
            assert_eq!(GivenMark::open(path.clone()).err(), Some(error));
        }
    }
}
