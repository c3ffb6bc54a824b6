//! The server's clock, and times as text. All times are whole seconds since 1970, UTC.

use std::sync::{PoisonError, RwLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::de::Error;
use serde::{Deserialize, Deserializer};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// The last time that `YYYY-MM-DDTHH:MM:SSZ` can express: 9999-12-31T23:59:59Z.
pub const LAST_SECOND: i64 = 253_402_300_799;

/// The server's clock: the time that new entries get and that the expiry of tokens is compared with. It follows the
/// system's clock, or stands still.
#[derive(Debug)]
pub struct Clock {
    start: Setting,
    now: RwLock<Setting>,
}

#[derive(Clone, Copy, Debug)]
enum Setting {
    System,
    Still(i64),
    /// A time that was set, and the moment at which it was set.
    Moving(i64, Instant),
}

impl Setting {
    fn seconds(self) -> i64 {
        match self {
            Self::System => system_now(),
            Self::Still(seconds) => seconds,
            Self::Moving(seconds, set) => {
                seconds.saturating_add(i64::try_from(set.elapsed().as_secs()).unwrap_or(i64::MAX))
            }
        }
        .min(LAST_SECOND)
    }

    fn set(&mut self, seconds: i64) {
        *self = match *self {
            Self::Still(_) => Self::Still(seconds),
            Self::System | Self::Moving(..) => Self::Moving(seconds, Instant::now()),
        };
    }
}

impl Clock {
    /// Returns a clock that follows the system's.
    pub fn system() -> Self {
        Self::starting(Setting::System)
    }

    /// Returns a clock that stands still at `seconds` since 1970.
    pub fn still(seconds: i64) -> Self {
        Self::starting(Setting::Still(seconds))
    }

    fn starting(setting: Setting) -> Self {
        Self {
            start: setting,
            now: RwLock::new(setting),
        }
    }

    /// Returns the time, in seconds since 1970.
    pub fn now(&self) -> i64 {
        self.now
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .seconds()
    }

    /// Whether the clock follows the system's.
    pub fn is_system(&self) -> bool {
        let now = self.now.read().unwrap_or_else(PoisonError::into_inner);
        matches!(*now, Setting::System)
    }

    /// Whether the clock stands still.
    pub fn stands_still(&self) -> bool {
        let now = self.now.read().unwrap_or_else(PoisonError::into_inner);
        matches!(*now, Setting::Still(_))
    }

    /// Sets the time to `seconds` since 1970. A clock that stands still continues to; any other runs on from there.
    pub fn set(&self, seconds: i64) {
        self.now
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .set(seconds);
    }

    /// Advances the clock by `duration`, of which whole seconds count, and returns the time that it then shows. Returns
    /// `None`, and changes nothing, if that is later than [`LAST_SECOND`].
    pub fn advance(&self, duration: Duration) -> Option<i64> {
        let by = i64::try_from(duration.as_secs()).ok()?;
        // One lock for both steps: of two calls at the same time, neither is lost.
        let mut now = self.now.write().unwrap_or_else(PoisonError::into_inner);
        let seconds = now.seconds().checked_add(by)?;
        if seconds > LAST_SECOND {
            return None;
        }
        now.set(seconds);
        Some(seconds)
    }

    /// Restores the clock as it was created.
    pub fn reset(&self) {
        *self.now.write().unwrap_or_else(PoisonError::into_inner) = self.start;
    }
}

/// Returns the system's time, in seconds since 1970.
pub fn system_now() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| {
            i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
        })
}

/// Returns the system's time, in milliseconds since 1970.
pub fn system_now_in_milliseconds() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| {
            i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
        })
}

/// Returns the moment `duration` after `at`, both in milliseconds since 1970.
pub fn later(at: i64, duration: Duration) -> i64 {
    at.saturating_add(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX))
}

/// Formats a time from 1970 to 9999, in seconds since 1970, as `2015-11-13T17:02:56Z`.
pub fn format(seconds: i64) -> String {
    FormattedTime::new(seconds).as_str().to_owned()
}

/// A formatted time that is not on the heap. A page holds a hundred of them.
#[derive(Clone, Copy, Debug)]
pub struct FormattedTime([u8; 20]);

impl FormattedTime {
    /// Formats a time from 1970 to 9999, in seconds since 1970, as `2015-11-13T17:02:56Z`.
    pub fn new(seconds: i64) -> Self {
        let time = OffsetDateTime::from_unix_timestamp(seconds.clamp(0, LAST_SECOND))
            .unwrap_or(OffsetDateTime::UNIX_EPOCH);
        let mut text = *b"0000-00-00T00:00:00Z";
        let mut put = |at: usize, number: u8| {
            text[at] = b'0' + number / 10;
            text[at + 1] = b'0' + number % 10;
        };
        let year = u16::try_from(time.year()).unwrap_or(0);
        put(0, u8::try_from(year / 100).unwrap_or(0));
        put(2, u8::try_from(year % 100).unwrap_or(0));
        put(5, time.month().into());
        put(8, time.day());
        put(11, time.hour());
        put(14, time.minute());
        put(17, time.second());
        Self(text)
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        // The text is ASCII.
        str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// Parses `YYYY-MM-DDTHH:MM:SSZ`, 1970 to 9999, the only form of times in seeds and filters. Returns seconds since 1970.
pub fn parse(text: &str) -> Option<i64> {
    const FORM: &[u8] = b"0000-00-00T00:00:00Z";
    let right = text.len() == FORM.len()
        && text.bytes().zip(FORM).all(|(byte, form)| match form {
            b'0' => byte.is_ascii_digit(),
            form => byte == *form,
        });
    let seconds = right
        .then(|| OffsetDateTime::parse(text, &Rfc3339).ok())??
        .unix_timestamp();
    // A leap second parses as the second before it, and would be shown differently than it was given.
    (format(seconds) == text && (0..=LAST_SECOND).contains(&seconds)).then_some(seconds)
}

/// Parses an [RFC 3339](https://www.rfc-editor.org/rfc/rfc3339#section-5.6) time with any offset, for `--clock`. Returns
/// seconds since 1970; fractions are cut off.
///
/// # Errors
///
/// Fails with the expected form if `text` is not such a time, or is not within 1970 to 9999.
pub fn parse_rfc3339(text: &str) -> Result<i64, String> {
    OffsetDateTime::parse(text, &Rfc3339)
        .ok()
        .map(|time| time.unix_timestamp())
        .filter(|seconds| (0..=LAST_SECOND).contains(seconds))
        .ok_or_else(|| {
            "expected an RFC 3339 time from 1970 to 9999, such as `2015-11-13T17:03:00Z`".to_owned()
        })
}

/// A time in a JSON document, as [`parse_rfc3339`] takes it.
#[derive(Clone, Copy, Debug)]
pub struct TimeText {
    /// Seconds since 1970.
    pub seconds: i64,
}

impl<'de> Deserialize<'de> for TimeText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        let text = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        match parse_rfc3339(&text) {
            Ok(seconds) => Ok(Self { seconds }),
            Err(form) => Err(D::Error::custom(format!("`{text}`: {form}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parsed_time_is_formatted_as_it_was() {
        assert_eq!(parse("2015-11-13T17:02:56Z"), Some(1_447_434_176));
        assert_eq!(format(1_447_434_176), "2015-11-13T17:02:56Z");
        assert_eq!(parse("9999-12-31T23:59:59Z"), Some(LAST_SECOND));
    }

    #[test]
    fn other_forms_of_a_time_are_refused() {
        for text in [
            "",
            "2015-11-13",
            "2015-11-13T17:02:56+00:00",
            "2015-11-13t17:02:56z",
            "2015-11-13T17:02:56.5Z",
            "2015-02-30T00:00:00Z",
            "2016-12-31T23:59:60Z",
            "1969-12-31T23:59:59Z",
            "2015-11-13T24:00:00Z",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn still_clock_changes_only_when_it_is_set() {
        let clock = Clock::still(100);
        clock.advance(Duration::from_secs(7200));
        assert_eq!(clock.now(), 7300);
        clock.reset();
        assert_eq!(clock.now(), 100);
    }

    #[test]
    fn every_advance_counts_when_several_arrive_at_once() {
        let clock = Clock::still(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..1000 {
                        clock.advance(Duration::from_secs(1));
                    }
                });
            }
        });
        assert_eq!(clock.now(), 8000);
    }
}
