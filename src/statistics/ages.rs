//! How old packages are.

use serde::Serialize;

use crate::clock::FormattedTime;
use crate::store::{Snapshot, StoreError};

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;
const YEAR: i64 = 365 * DAY;

/// The ages that are counted together: their name, and the lowest one in seconds. Each ends where the next one begins.
const AGES: [(&str, i64); 9] = [
    ("in the future", i64::MIN),
    ("less than an hour", 0),
    ("1 to 24 hours", HOUR),
    ("1 to 7 days", DAY),
    ("7 to 30 days", 7 * DAY),
    ("30 to 90 days", 30 * DAY),
    ("90 to 365 days", 90 * DAY),
    ("1 to 3 years", YEAR),
    ("3 years or more", 3 * YEAR),
];

/// Packages by the time since they were created.
#[derive(Debug, Serialize)]
pub struct Ages {
    /// When the oldest package was created, as in the API; `None` if there is no package.
    pub oldest: Option<String>,
    /// When the newest package was created.
    pub newest: Option<String>,
    /// How many packages have which age, the youngest first.
    pub counts: Vec<AgeCount>,
}

/// The number of packages of some ages.
#[derive(Debug, Serialize)]
pub struct AgeCount {
    /// The name of the ages, such as `1 to 7 days`.
    pub name: &'static str,
    /// The lowest age, in seconds; `None` for packages that were created after the time of the clock.
    pub from_seconds: Option<i64>,
    /// The age at which the next ones begin, in seconds; `None`: there is no older one.
    pub to_seconds: Option<i64>,
    /// How many packages have such an age.
    pub packages: i64,
}

impl Ages {
    /// Counts ages at `now`, in seconds since 1970. The ranges are read one after the other from the index of creation times.
    pub(super) fn read(snapshot: &Snapshot<'_>, now: i64) -> Result<Self, StoreError> {
        let time = |sql| {
            let seconds = snapshot.int(sql, &[])?;
            Ok::<_, StoreError>(seconds.map(|at| FormattedTime::new(at).as_str().to_owned()))
        };
        let mut counts = Vec::with_capacity(AGES.len());
        for (at, (name, from)) in AGES.into_iter().enumerate() {
            let to = AGES.get(at + 1).map(|(_, next)| *next);
            // Created at this time or before, and after the other.
            let latest = now.saturating_sub(from);
            let after = to.map_or(i64::MIN, |to| now.saturating_sub(to));
            let packages = snapshot.int(
                "select count(*) from packages where created_at <= $1 and created_at > $2",
                &[latest.into(), after.into()],
            )?;
            counts.push(AgeCount {
                name,
                from_seconds: Some(from).filter(|from| *from >= 0),
                to_seconds: to,
                packages: packages.unwrap_or(0),
            });
        }
        Ok(Self {
            oldest: time("select min(created_at) from packages")?,
            newest: time("select max(created_at) from packages")?,
            counts,
        })
    }
}
