//! Random numbers from a printed seed, so that a failure can be repeated.

/// The seed and the number of rounds of one random test.
#[derive(Clone, Copy, Debug)]
pub struct Rounds {
    pub seed: u64,
    pub count: u64,
}

impl Rounds {
    /// Takes the seed from `CF_PACKAGES_TEST_SEED` and the number of rounds from `CF_PACKAGES_TEST_ROUNDS`, or else the
    /// given ones, and prints both. The test harness shows the line if the test fails.
    pub fn from_environment(seed: u64, count: u64) -> Self {
        let number = |name: &str, default: u64| {
            std::env::var(name).map_or(default, |text| text.parse().expect("a whole number"))
        };
        let rounds = Self {
            seed: number("CF_PACKAGES_TEST_SEED", seed),
            count: number("CF_PACKAGES_TEST_ROUNDS", count),
        };
        eprintln!(
            "repeat with CF_PACKAGES_TEST_SEED={} CF_PACKAGES_TEST_ROUNDS={}",
            rounds.seed, rounds.count
        );
        rounds
    }
}

/// The generator SplitMix64 (<https://prng.di.unimi.it/splitmix64.c>); the number is its state.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// Returns a number from 0 to `end`, without `end`.
    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).expect("less than a usize")
    }

    /// Returns true in one of `n` cases.
    pub fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    pub fn choose<'t, T>(&mut self, choices: &'t [T]) -> &'t T {
        &choices[self.below(choices.len())]
    }
}
