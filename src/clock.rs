//! The server's time: the system's, or one that stands still. All times are whole seconds since 1970, UTC.

use std::sync::{PoisonError, RwLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// 9999-12-31T23:59:59Z, the last second that `YYYY-MM-DDTHH:MM:SSZ` can say.
pub const LAST_SECOND: i64 = 253_402_300_799;

/// Where new times come from, and what the expiry of tokens is compared with.
#[derive(Debug)]
pub struct Clock {
    start: Setting,
    now: RwLock<Setting>,
}

#[derive(Clone, Copy, Debug)]
enum Setting {
    System,
    Still(i64),
    /// The time that was set, and when.
    Moving(i64, Instant),
}

impl Clock {
    /// The system's clock.
    pub fn system() -> Self {
        Self::starting(Setting::System)
    }

    /// A clock that stands at `seconds`.
    pub fn still(seconds: i64) -> Self {
        Self::starting(Setting::Still(seconds))
    }

    fn starting(setting: Setting) -> Self {
        Self {
            start: setting,
            now: RwLock::new(setting),
        }
    }

    /// The time, in seconds since 1970.
    pub fn now(&self) -> i64 {
        match *self.now.read().unwrap_or_else(PoisonError::into_inner) {
            Setting::System => system_now(),
            Setting::Still(seconds) => seconds,
            Setting::Moving(seconds, set) => {
                seconds.saturating_add(i64::try_from(set.elapsed().as_secs()).unwrap_or(i64::MAX))
            }
        }
        .min(LAST_SECOND)
    }

    /// Sets the time; a clock that moves goes on from there, one that stands still stays there.
    pub fn set(&self, seconds: i64) {
        let mut now = self.now.write().unwrap_or_else(PoisonError::into_inner);
        *now = match *now {
            Setting::Still(_) => Setting::Still(seconds),
            Setting::System | Setting::Moving(..) => Setting::Moving(seconds, Instant::now()),
        };
    }

    /// Moves the clock on by `duration`.
    pub fn advance(&self, duration: Duration) {
        let by = i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
        self.set(self.now().saturating_add(by).min(LAST_SECOND));
    }

    /// Back to what the clock was at the start.
    pub fn reset(&self) {
        *self.now.write().unwrap_or_else(PoisonError::into_inner) = self.start;
    }
}

/// The system's time, in seconds since 1970.
pub fn system_now() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| {
            i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
        })
}

/// `2015-11-13T17:02:56Z`, for any second from 1970 to 9999.
pub fn format(seconds: i64) -> String {
    FormattedTime::new(seconds).as_str().to_owned()
}

/// A time as it is shown, without a place on the heap: a page holds a hundred of them.
#[derive(Clone, Copy, Debug)]
pub struct FormattedTime([u8; 20]);

impl FormattedTime {
    /// `2015-11-13T17:02:56Z`, for any second from 1970 to 9999.
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

    /// The text.
    pub fn as_str(&self) -> &str {
        // Digits and the form's own signs are ASCII.
        str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// The second that `YYYY-MM-DDTHH:MM:SSZ` names, 1970 to 9999; nothing else is a time in a seed or a filter.
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
    // A leap second parses as the second before it: what is shown must be what was given.
    (format(seconds) == text && (0..=LAST_SECOND).contains(&seconds)).then_some(seconds)
}

/// The second that an RFC 3339 time names, with any offset; fractions are cut off. For `--clock`.
pub fn parse_rfc3339(text: &str) -> Result<i64, String> {
    OffsetDateTime::parse(text, &Rfc3339)
        .ok()
        .map(|time| time.unix_timestamp())
        .filter(|seconds| (0..=LAST_SECOND).contains(seconds))
        .ok_or_else(|| {
            "expected an RFC 3339 time from 1970 to 9999, as `2015-11-13T17:03:00Z`".to_owned()
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_and_shown_alike() {
        assert_eq!(parse("2015-11-13T17:02:56Z"), Some(1_447_434_176));
        assert_eq!(format(1_447_434_176), "2015-11-13T17:02:56Z");
        assert_eq!(parse("9999-12-31T23:59:59Z"), Some(LAST_SECOND));
    }

    #[test]
    fn only_the_one_form_is_a_time() {
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
    fn a_clock_that_stands_still_moves_only_when_told() {
        let clock = Clock::still(100);
        clock.advance(Duration::from_secs(7200));
        assert_eq!(clock.now(), 7300);
        clock.reset();
        assert_eq!(clock.now(), 100);
    }
}
