//! When a request is sent again.

use std::thread::sleep;
use std::time::{Duration, Instant};

use time::PrimitiveDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

use super::RecordError;
use crate::clock;

/// The most times that a request is sent again after a failure.
pub(super) const MOST_FAILURES: u32 = 4;
/// The longest time that a server may ask to wait at once.
pub(super) const LONGEST_WAIT: Duration = Duration::from_secs(300);
/// The longest time that one request may wait in all.
pub(super) const LONGEST_TOTAL: Duration = Duration::from_secs(900);
/// The wait before the first repetition. Each further one is twice as long.
const FIRST_WAIT: Duration = Duration::from_millis(500);
/// The shortest wait that a server can ask for.
const SHORTEST_WAIT: Duration = Duration::from_millis(100);

/// The date of HTTP: `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 §5.6.7).
const HTTP_DATE: &[BorrowedFormatItem<'_>] = format_description!(
    "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
);

/// Returns the wait before the repetition `number`, from 1.
pub(super) fn backoff(number: u32) -> Duration {
    let doubled = FIRST_WAIT.saturating_mul(1 << number.saturating_sub(1).min(10));
    doubled.min(LONGEST_WAIT)
}

/// Returns the wait before the repetition `number`, from 1, where a server asked for one. A server that asks again and again
/// waits longer than it asks for.
pub(super) fn pause(asked: Option<Duration>, number: u32) -> Duration {
    match (asked, number) {
        (None, _) => backoff(number),
        (Some(asked), 0 | 1) => asked,
        (Some(asked), _) => asked.max(backoff(number - 1)),
    }
}

/// Returns how long a `Retry-After` asks to wait: seconds, or a date. `now` is in seconds since 1970.
pub(super) fn retry_after(value: &str, now: i64) -> Option<Duration> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        let seconds = value.parse().unwrap_or(u64::MAX);
        return Some(Duration::from_secs(seconds).max(SHORTEST_WAIT));
    }
    let date = PrimitiveDateTime::parse(value, HTTP_DATE).ok()?;
    let date = date.assume_utc().unix_timestamp();
    let seconds = u64::try_from(date - now).unwrap_or(0);
    Some(Duration::from_secs(seconds).max(SHORTEST_WAIT))
}

/// Returns the system's time, in seconds since 1970.
pub(super) fn now() -> i64 {
    clock::system_now()
}

/// Waits.
///
/// # Errors
///
/// Fails once a signal ends the work.
pub(super) fn wait(duration: Duration) -> Result<(), RecordError> {
    const STEP: Duration = Duration::from_millis(50);
    let end = Instant::now() + duration;
    loop {
        RecordError::require_no_signal()?;
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        sleep(left.min(STEP));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = 784_111_777; // 1994-11-06T08:49:37Z
        for (value, seconds) in [
            ("120", Some(120)),
            (" 7 ", Some(7)),
            ("Sun, 06 Nov 1994 08:49:47 GMT", Some(10)),
            ("99999999999999999999999", Some(u64::MAX)),
            ("", None),
            ("-1", None),
            ("1.5", None),
            ("soon", None),
            ("Sun, 06 Nov 1994", None),
        ] {
            let expected = seconds.map(Duration::from_secs);
            assert_eq!(retry_after(value, now), expected, "{value}");
        }
        for past in ["0", "Sun, 06 Nov 1994 08:49:07 GMT"] {
            assert_eq!(retry_after(past, now), Some(SHORTEST_WAIT));
        }
    }

    #[test]
    fn waits_double_up_to_a_bound() {
        assert_eq!(backoff(1), FIRST_WAIT);
        assert_eq!(backoff(3), FIRST_WAIT * 4);
        assert_eq!(backoff(u32::MAX), LONGEST_WAIT);
        let asked = Some(SHORTEST_WAIT);
        assert_eq!(pause(asked, 1), SHORTEST_WAIT);
        assert_eq!(pause(asked, 3), FIRST_WAIT * 2);
        assert_eq!(pause(Some(FIRST_WAIT * 9), 3), FIRST_WAIT * 9);
        assert_eq!(pause(None, 1), FIRST_WAIT);
    }
}
