//! Points in time and what is valid when. Nothing here reads a clock.

use std::{fmt, time::Duration};

use jiff::{
    Span,
    civil::{Date, DateTime},
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A point in time: whole seconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Time(i64);

impl Time {
    /// The time `seconds` after the epoch (before it, when negative).
    pub const fn from_unix(seconds: i64) -> Self {
        Self(seconds)
    }

    /// The seconds since the epoch.
    pub const fn unix(self) -> i64 {
        self.0
    }

    /// The time that an RFC 3339 string names, fractions of a second cut off towards the past.
    ///
    /// # Errors
    /// [`TimeError`] when `text` is not exactly an RFC 3339 date-time.
    pub fn parse_rfc3339(text: &str) -> Result<Self, TimeError> {
        read_rfc3339(text).ok_or_else(|| TimeError::NotRfc3339 {
            found: text.chars().take(MAX_RFC3339_LEN).collect(),
        })
    }

    /// The time `seconds` later, held at the ends of the range.
    #[must_use]
    pub const fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds))
    }
}

impl fmt::Display for Time {
    /// RFC 3339 in UTC; a time outside the years that it can write is shown as `@` and its seconds.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let days = self.0.div_euclid(SECONDS_PER_DAY);
        let seconds = self.0.rem_euclid(SECONDS_PER_DAY);
        let date = Span::new()
            .try_days(days)
            .and_then(|days| EPOCH.checked_add(days))
            .ok()
            .filter(|date| date.year() >= 0);
        match date {
            Some(date) => {
                let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
                write!(f, "{date}T{hour:02}:{minute:02}:{second:02}Z")
            }
            None => write!(f, "@{}", self.0),
        }
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse_rfc3339(&text).map_err(serde::de::Error::custom)
    }
}

/// Where the current time comes from.
pub trait Clock: Send + Sync {
    /// The current time.
    fn now(&self) -> Time;

    /// The time since some fixed point: it never goes back, no setting of the clock moves it, and time that the
    /// machine slept through counts. Whoever has to notice that the clock was set holds [`Self::now`] against it.
    fn elapsed(&self) -> Duration;
}

/// A range of time, closed at both ends; without an `end` it is open towards the future.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Validity {
    /// The first valid second.
    pub start: Time,
    /// The last valid second.
    pub end: Option<Time>,
}

impl Validity {
    /// Whether `time` lies in the range.
    pub fn contains(&self, time: Time) -> bool {
        self.start <= time && self.end.is_none_or(|end| time <= end)
    }
}

impl fmt::Display for Validity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.end {
            Some(end) => write!(f, "{} to {end}", self.start),
            None => write!(f, "from {}", self.start),
        }
    }
}

/// Why a string is not a time.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TimeError {
    /// The string is not an RFC 3339 date-time.
    #[error("not an RFC 3339 date-time: {found:?}")]
    NotRfc3339 {
        /// The string, cut to 40 characters.
        found: String,
    },
}

/// Room for nine digits of fraction and a numeric offset.
const MAX_RFC3339_LEN: usize = 40;

const EPOCH: Date = Date::constant(1970, 1, 1);
const SECONDS_PER_DAY: i64 = 86_400;

/// The time in the form of RFC 3339 section 5.6. That is narrower than what the date library reads, and
/// goes to the end of the year 9999, where X.509 and protobuf put what never ends.
fn read_rfc3339(text: &str) -> Option<Time> {
    if text.len() > MAX_RFC3339_LEN {
        return None;
    }
    let (date_time, rest) = text.split_at_checked("2026-11-22T14:37:00".len())?;
    if !matches_form(date_time, "dddd-dd-ddTdd:dd:dd") {
        return None;
    }
    let date_time: DateTime = date_time.parse().ok()?;
    let offset = read_offset(after_fraction(rest)?)?;

    let days = EPOCH.until(date_time.date()).ok()?.get_days();
    let [hour, minute, second] =
        [date_time.hour(), date_time.minute(), date_time.second()].map(i64::from);
    let seconds = i64::from(days) * SECONDS_PER_DAY + hour * 3600 + minute * 60 + second;
    Some(Time(seconds - offset))
}

/// What follows the fraction of a second, if there is one.
fn after_fraction(text: &str) -> Option<&str> {
    let Some(fraction) = text.strip_prefix('.') else {
        return Some(text);
    };
    let rest = fraction.trim_start_matches(|c: char| c.is_ascii_digit());
    let digits = fraction.len() - rest.len();
    (1..=9).contains(&digits).then_some(rest)
}

/// The seconds that an offset is ahead of UTC.
fn read_offset(text: &str) -> Option<i64> {
    if text == "Z" {
        return Some(0);
    }
    let (sign, time) = text.split_at_checked(1)?;
    let (hours, minutes) = time
        .split_once(':')
        .filter(|_| matches_form(time, "dd:dd"))?;
    let (hours, minutes): (i64, i64) = (hours.parse().ok()?, minutes.parse().ok()?);
    if hours > 23 || minutes > 59 {
        return None;
    }
    let seconds = hours * 3600 + minutes * 60;
    match sign {
        "+" => Some(seconds),
        "-" => Some(-seconds),
        _ => None,
    }
}

/// Whether `text` is `form`, where a `d` in the form stands for any digit.
fn matches_form(text: &str, form: &str) -> bool {
    text.len() == form.len()
        && text
            .bytes()
            .zip(form.bytes())
            .all(|(byte, expected)| match expected {
                b'd' => byte.is_ascii_digit(),
                _ => byte == expected,
            })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn times_survive_writing_and_reading(unix in -62_167_219_200..=253_402_300_799i64) {
            let time = Time::from_unix(unix);
            prop_assert_eq!(Time::parse_rfc3339(&time.to_string()), Ok(time));
        }

        /// Within the years that it knows, the date library agrees.
        #[test]
        fn times_are_those_of_the_date_library(unix in -62_135_596_800..=253_000_000_000i64) {
            let other = jiff::Timestamp::from_second(unix).unwrap().to_string();
            prop_assert_eq!(Time::from_unix(unix).to_string(), other);
        }

        #[test]
        fn reading_holds(text in "\\PC{0,50}", like in "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.Z+-]{0,30}") {
            let _ = Time::parse_rfc3339(&text);
            let _ = Time::parse_rfc3339(&like);
        }
    }

    #[test]
    fn reads_and_writes_rfc3339() {
        for (text, unix, written) in [
            ("1970-01-01T00:00:00Z", 0, "1970-01-01T00:00:00Z"),
            (
                "2026-11-22T14:37:00Z",
                1_795_358_220,
                "2026-11-22T14:37:00Z",
            ),
            (
                "2026-11-22T15:37:00.999999999+01:00",
                1_795_358_220,
                "2026-11-22T14:37:00Z",
            ),
            ("1969-12-31T23:59:59.5Z", -1, "1969-12-31T23:59:59Z"),
            (
                "9999-12-31T23:59:59Z",
                253_402_300_799,
                "9999-12-31T23:59:59Z",
            ),
            (
                "2000-02-29T23:59:59-23:59",
                951_955_139,
                "2000-03-01T23:58:59Z",
            ),
            (
                "0000-01-01T00:00:00Z",
                -62_167_219_200,
                "0000-01-01T00:00:00Z",
            ),
            (
                "0001-01-01T00:00:00Z",
                -62_135_596_800,
                "0001-01-01T00:00:00Z",
            ),
        ] {
            let time = Time::parse_rfc3339(text).unwrap();
            assert_eq!(time.unix(), unix, "{text}");
            assert_eq!(time.to_string(), written);
        }
    }

    #[test]
    fn refuses_what_is_not_rfc3339() {
        for text in [
            "",
            "2026-11-22",
            "2026-11-22 14:37:00Z",
            "2026-11-22T14:37:00",
            "2026-11-22T14:37Z",
            "2026-11-22T14:37:00+0100",
            "2026-11-22T14:37:00.Z",
            "2026-11-22T14:37:00.0000000001Z",
            "2026-11-22T14:37:00Z[UTC]",
            "2026-02-30T14:37:00Z",
            "2026-11-22T24:00:00Z",
            "+002026-11-22T14:37:00Z",
            "2026-11-22T14:37:00Z ",
            "2026-11-22T14:37:00+24:00",
            "2026-11-22T14:37:00+01:60",
            "2026-11-22T14:37:00\u{e9}1:00",
            "2026-11-22t14:37:00Z",
        ] {
            assert_eq!(
                Time::parse_rfc3339(text),
                Err(TimeError::NotRfc3339 {
                    found: text.to_owned()
                }),
                "{text}"
            );
        }
    }

    #[test]
    fn validity_is_closed_at_both_ends() {
        let [before, start, end, after] = [9, 10, 20, 21].map(Time::from_unix);
        let bounded = Validity {
            start,
            end: Some(end),
        };
        assert_eq!(
            [before, start, end, after].map(|t| bounded.contains(t)),
            [false, true, true, false]
        );
        let open = Validity { start, end: None };
        assert_eq!(
            [before, start, after].map(|t| open.contains(t)),
            [false, true, true]
        );
    }

    #[test]
    fn arithmetic_and_display_hold_at_the_ends() {
        assert_eq!(Time::from_unix(i64::MAX).plus_seconds(1).unix(), i64::MAX);
        assert_eq!(
            Time::from_unix(253_402_300_800).to_string(),
            "@253402300800"
        );
        assert_eq!(
            Time::from_unix(-62_167_219_201).to_string(),
            "@-62167219201"
        );
        assert_eq!(
            Time::from_unix(i64::MIN).to_string(),
            format!("@{}", i64::MIN)
        );
    }
}
