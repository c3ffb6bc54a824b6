//! Limits how fast a password can be guessed, by address and user.
//!
//! After many wrong passwords for one user from one address, the right one is refused there too. Logins of other users,
//! and from other addresses, are not delayed.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How many wrong passwords in a row are checked without a wait.
const BURST: u32 = 10;
/// How long the wait is for each further wrong password.
const INTERVAL: Duration = Duration::from_secs(1);
/// How many pairs of address and user are remembered.
const MAX_GUESSED: usize = 4096;

/// The wrong passwords of the last seconds.
#[derive(Debug, Default)]
pub struct Guesses {
    /// For each pair, when its wrong passwords are forgotten. Each wrong password moves this back by [`INTERVAL`].
    forgotten_at: Mutex<HashMap<Guesser, Instant>>,
    hasher: RandomState,
}

/// An address, and the user for whom it guesses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Guesser {
    address: IpAddr,
    /// The hash of the user's name, which may be long.
    user: u64,
}

impl Guesses {
    /// Returns the guesser for `user` at `address`. The addresses of an IPv6 network of 64 bits count as one, since each of
    /// its hosts can use all of them.
    pub fn guesser(&self, address: IpAddr, user: &str) -> Guesser {
        let address = match address.to_canonical() {
            IpAddr::V6(address) => {
                let network = address.to_bits() & !u128::from(u64::MAX);
                Ipv6Addr::from_bits(network).into()
            }
            address @ IpAddr::V4(_) => address,
        };
        let user = self.hasher.hash_one(user);
        Guesser { address, user }
    }

    /// Records the result of an attempt, before it is answered.
    ///
    /// # Errors
    ///
    /// Fails with the time to wait until another attempt is evaluated, whether or not the password is right. Nothing is
    /// recorded then.
    pub fn record(&self, guesser: Guesser, is_wrong: bool) -> Result<(), Duration> {
        self.record_at(guesser, is_wrong, Instant::now())
    }

    fn record_at(&self, guesser: Guesser, is_wrong: bool, now: Instant) -> Result<(), Duration> {
        let mut forgotten_at = self
            .forgotten_at
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let last = forgotten_at.get(&guesser).copied().unwrap_or(now);
        let next = last.max(now) + INTERVAL;
        let wait = next.saturating_duration_since(now + INTERVAL * BURST);
        if !wait.is_zero() {
            return Err(wait);
        }
        if !is_wrong {
            return Ok(());
        }
        if forgotten_at.len() >= MAX_GUESSED && !forgotten_at.contains_key(&guesser) {
            // Those who guess the most are remembered the longest.
            let first = forgotten_at.iter().min_by_key(|(_, forgotten)| **forgotten);
            if let Some(first) = first.map(|(guesser, _)| *guesser) {
                forgotten_at.remove(&first);
            }
        }
        forgotten_at.insert(guesser, next);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADDRESS: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[test]
    fn guesser_has_to_wait_after_the_burst() {
        let guesses = Guesses::default();
        let alice = guesses.guesser(ADDRESS, "alice");
        let now = Instant::now();
        for _ in 0..BURST {
            assert_eq!(guesses.record_at(alice, false, now), Ok(()));
            assert_eq!(guesses.record_at(alice, true, now), Ok(()));
        }
        assert_eq!(guesses.record_at(alice, true, now), Err(INTERVAL));
        assert_eq!(guesses.record_at(alice, false, now), Err(INTERVAL));
        let later = now + INTERVAL;
        assert_eq!(guesses.record_at(alice, true, later), Ok(()));
        assert_eq!(guesses.record_at(alice, true, later), Err(INTERVAL));
        let much_later = now + Duration::from_secs(3600);
        for _ in 0..BURST {
            assert_eq!(guesses.record_at(alice, true, much_later), Ok(()));
        }
        assert_eq!(guesses.record_at(alice, true, much_later), Err(INTERVAL));
    }

    #[test]
    fn others_do_not_wait() {
        let guesses = Guesses::default();
        let now = Instant::now();
        let of = |address: &str, user| guesses.guesser(address.parse().unwrap(), user);
        for _ in 0..100 {
            let _ = guesses.record_at(of("10.0.0.1", "alice"), true, now);
            let _ = guesses.record_at(of("2001:db8::1", "alice"), true, now);
        }
        for same in [
            of("10.0.0.1", "alice"),
            of("::ffff:10.0.0.1", "alice"),
            of("2001:db8::2", "alice"),
        ] {
            assert!(guesses.record_at(same, false, now).is_err());
        }
        for other in [
            of("10.0.0.1", "bob"),
            of("10.0.0.2", "alice"),
            of("2001:db8:0:1::1", "alice"),
        ] {
            assert_eq!(guesses.record_at(other, false, now), Ok(()));
        }
    }

    #[test]
    fn table_is_bounded_and_keeps_those_who_guess_the_most() {
        let guesses = Guesses::default();
        let now = Instant::now();
        let alice = guesses.guesser(ADDRESS, "alice");
        for _ in 0..BURST {
            assert_eq!(guesses.record_at(alice, true, now), Ok(()));
        }
        for number in 0..2 * MAX_GUESSED {
            let other = guesses.guesser(ADDRESS, &number.to_string());
            assert_eq!(guesses.record_at(other, true, now), Ok(()));
        }
        assert_eq!(guesses.forgotten_at.lock().unwrap().len(), MAX_GUESSED);
        assert!(guesses.record_at(alice, true, now).is_err());
    }
}
