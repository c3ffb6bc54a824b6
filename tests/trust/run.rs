//! How long a run is, and the rows of its table.

use std::fmt;
use std::time::{Duration, Instant};

use crate::support::program;
use crate::support::random::Random;

/// The bound of a run of the usual length, in minutes.
const USUAL_MINUTES: f64 = 10.0;

/// The rounds of a trial for which there is always time.
const LEAST: u64 = 2;

/// One run of the trials.
pub struct Run {
    seed: u64,
    minutes: f64,
    end: Instant,
}

impl Run {
    /// Takes the seed from `CF_PACKAGES_TEST_SEED` and the bound from `CF_PACKAGES_TRUST_MINUTES`.
    pub fn from_environment() -> Self {
        let variable = |name: &str| std::env::var(name).ok().filter(|text| !text.is_empty());
        let seed = variable("CF_PACKAGES_TEST_SEED").map(|text| text.parse().expect("a number"));
        let minutes =
            variable("CF_PACKAGES_TRUST_MINUTES").map(|text| text.parse().expect("minutes"));
        let minutes: f64 = minutes.unwrap_or(USUAL_MINUTES);
        Self {
            seed: seed.unwrap_or(20_151_113),
            minutes,
            end: Instant::now() + Duration::from_secs_f64(minutes * 60.0),
        }
    }

    /// Returns the run as one of `trials` that are left takes part in it: with an equal share of the time that is left. What
    /// a trial does not need is there for those that follow.
    pub fn share(&self, trials: usize) -> Self {
        let now = Instant::now();
        let trials = u32::try_from(trials).expect("a short list");
        Self {
            end: now + self.end.saturating_duration_since(now) / trials,
            ..*self
        }
    }

    /// Returns the random numbers of the trial of that name.
    pub fn random(&self, name: &str) -> Random {
        let name = name
            .bytes()
            .fold(0_u64, |hash, byte| hash.wrapping_mul(31) + u64::from(byte));
        Random(self.seed ^ name)
    }

    /// Returns how many rounds a trial has that has `usual` rounds in ten minutes. If its time is over, it has the first ones
    /// only, so that no row is empty.
    pub fn rounds(&self, usual: u64) -> impl Iterator<Item = u64> + '_ {
        (0..self.count(usual)).take_while(|round| self.goes_on(*round))
    }

    /// Returns `usual` in proportion to the length of the run, and [`LEAST`] at least.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss
    )]
    pub fn count(&self, usual: u64) -> u64 {
        ((usual as f64 * self.minutes / USUAL_MINUTES) as u64).max(LEAST)
    }

    /// Whether a trial that has done so many rounds does another.
    pub fn goes_on(&self, done: u64) -> bool {
        done < LEAST || Instant::now() < self.end
    }
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let program = program();
        let kind = if program.components().any(|part| part.as_os_str() == "debug") {
            "debug build; CF_PACKAGES_TEST_PROGRAM names another"
        } else {
            "named by CF_PACKAGES_TEST_PROGRAM"
        };
        let name = program.file_name().unwrap_or_default().to_string_lossy();
        let (seed, minutes) = (self.seed, self.minutes);
        write!(
            f,
            "program: {name} ({kind})\nrepeat with CF_PACKAGES_TEST_SEED={seed} CF_PACKAGES_TRUST_MINUTES={minutes}"
        )
    }
}

/// One row of the table.
pub struct Row {
    what: String,
    begin: Instant,
    seconds: f64,
    pub tried: u64,
    pub failures: Vec<String>,
    pub seen: String,
}

impl Row {
    pub fn new(what: &str, begin: Instant) -> Self {
        Self {
            what: what.into(),
            begin,
            seconds: 0.0,
            tried: 0,
            failures: Vec::new(),
            seen: String::new(),
        }
    }

    /// Returns the row of a trial that begins now.
    pub fn begin(what: &str) -> Self {
        Self::new(what, Instant::now())
    }

    /// Adds a failure.
    pub fn failed(mut self, text: String) -> Self {
        self.failures.push(text);
        self.seen("")
    }

    /// Ends the trial. `seen` says what else was counted.
    pub fn seen(mut self, seen: &str) -> Self {
        self.seconds = self.begin.elapsed().as_secs_f64();
        self.seen = seen.into();
        self
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "| {} | {} | {} | {:.1} | {} |",
            self.what,
            self.tried,
            self.failures.len(),
            self.seconds,
            self.seen
        )
    }
}
