//! The labels of packages.

use serde::Serialize;

use super::largest::{Largest, Ranking};
use crate::store::{Snapshot, StoreError};

/// The labels of packages.
#[derive(Debug, Serialize)]
pub struct Labels {
    /// How many labels all packages have together.
    pub count: i64,
    /// How many packages have a label.
    pub packages: i64,
    /// The keys that the most packages have.
    pub keys: Ranking<KeyCount>,
    /// The labels, key and value, that the most packages have.
    pub by_packages: Ranking<LabelCount>,
    /// The labels that take the most bytes.
    pub by_bytes: Ranking<LabelCount>,
    /// The packages with the most labels.
    pub most_labelled: Vec<PackageLabels>,
}

/// A key of labels.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct KeyCount {
    pub key: String,
    /// How many different values it has.
    pub values: i64,
    pub packages: i64,
}

/// A label.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs)]
pub struct LabelCount {
    pub key: String,
    pub value: String,
    pub packages: i64,
    /// The bytes of key and value, times the packages.
    pub bytes: i64,
}

/// A package and the number of its labels.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct PackageLabels {
    pub guid: String,
    pub labels: i64,
}

impl Labels {
    /// Counts the labels. A ranking has at most `limit` rows.
    pub(super) fn read(snapshot: &Snapshot<'_>, limit: usize) -> Result<Self, StoreError> {
        let mut keys = Largest::new(limit);
        let mut by_packages = Largest::new(limit);
        let mut by_bytes = Largest::new(limit);
        let mut count = 0;
        let mut current: Option<KeyCount> = None;
        let mut end = |key: Option<KeyCount>| {
            if let Some(key) = key {
                keys.add(key.packages, key.packages, || key);
            }
        };
        // In the order of the primary key, so that nothing is sorted.
        snapshot.rows(
            "select key, value, count(*) from package_labels group by key, value order by key, value",
            &[],
            |row| {
                let (key, value, packages) = (row.text(0)?, row.text(1)?, row.int(2)?);
                count += packages;
                if current.as_ref().is_none_or(|current| current.key != key) {
                    let next = KeyCount {
                        key: key.to_owned(),
                        values: 0,
                        packages: 0,
                    };
                    end(current.replace(next));
                }
                if let Some(current) = &mut current {
                    current.values += 1;
                    current.packages += packages;
                }
                let length = i64::try_from(key.len() + value.len()).unwrap_or(i64::MAX);
                let bytes = packages.saturating_mul(length);
                let label = || LabelCount {
                    key: key.to_owned(),
                    value: value.to_owned(),
                    packages,
                    bytes,
                };
                by_packages.add(packages, packages, label);
                by_bytes.add(bytes, packages, label);
                Ok::<_, StoreError>(())
            },
        )?;
        end(current.take());
        let (packages, most_labelled) = most_labelled(snapshot, limit)?;
        Ok(Self {
            count,
            packages,
            keys: keys.into_ranking().of_overlapping_rows(),
            by_packages: by_packages.into_ranking().of_overlapping_rows(),
            by_bytes: by_bytes.into_ranking().of_overlapping_rows(),
            most_labelled,
        })
    }
}

/// Returns how many packages have labels, and those with the most. Of equal ones, the first in stored order come first.
fn most_labelled(
    snapshot: &Snapshot<'_>,
    limit: usize,
) -> Result<(i64, Vec<PackageLabels>), StoreError> {
    let mut largest = Largest::new(limit);
    snapshot.rows(
        "select package_id, count(*) from package_labels group by package_id order by package_id",
        &[],
        |row| {
            let (id, labels) = (row.int(0)?, row.int(1)?);
            largest.add(labels, 1, || (id, labels));
            Ok::<_, StoreError>(())
        },
    )?;
    let ranking = largest.into_ranking();
    let mut packages = Vec::with_capacity(ranking.largest.len());
    for (id, labels) in &ranking.largest {
        snapshot.rows(
            "select guid from packages where id = $1",
            &[(*id).into()],
            |row| {
                packages.push(PackageLabels {
                    guid: row.text(0)?.to_owned(),
                    labels: *labels,
                });
                Ok::<_, StoreError>(())
            },
        )?;
    }
    let shown = i64::try_from(ranking.largest.len()).unwrap_or(0);
    Ok((ranking.more.count + shown, packages))
}
