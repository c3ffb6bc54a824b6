//! What a database holds, counted over one snapshot.
//!
//! Each number comes from one scan of an index, or of a table with short rows: no scan reads the rows of `packages`.

mod ages;
mod labels;
mod largest;

use std::collections::HashMap;

use serde::Serialize;

use crate::clock::FormattedTime;
use crate::store::{Snapshot, StoreError, Value};
pub use ages::{AgeCount, Ages};
pub use labels::{KeyCount, LabelCount, Labels, PackageLabels};
use largest::Largest;
pub use largest::{Ranking, Rest};

/// The states of packages, in the order in which a package has them.
const STATES: [&str; 6] = [
    "AWAITING_UPLOAD",
    "COPYING",
    "PROCESSING_UPLOAD",
    "READY",
    "FAILED",
    "EXPIRED",
];
/// The types of packages.
const TYPES: [&str; 2] = ["bits", "docker"];

/// What a database holds. As JSON, its fields are the documented form of `stats --json`.
#[derive(Debug, Serialize)]
pub struct Statistics {
    /// The time with which ages are computed, as in the API.
    pub now: String,
    /// How many rows of each kind there are.
    pub totals: Totals,
    /// Packages by state. Each state is there.
    pub states: Vec<Count>,
    /// Packages by type. Each type is there.
    pub types: Vec<Count>,
    /// The organizations with the most packages.
    pub organizations: Ranking<OrganizationCount>,
    /// The spaces with the most packages.
    pub spaces: Ranking<SpaceCount>,
    /// Packages by the time since they were created.
    pub ages: Ages,
    /// The stored files of packages.
    pub blobs: Blobs,
    /// The labels of packages.
    pub labels: Labels,
}

/// How many rows of each kind there are.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct Totals {
    pub organizations: i64,
    pub spaces: i64,
    pub apps: i64,
    pub users: i64,
    pub packages: i64,
}

/// The number of packages of a state or a type.
#[derive(Debug, Serialize)]
pub struct Count {
    /// The state or the type.
    pub name: &'static str,
    /// How many packages have it.
    pub packages: i64,
}

/// An organization and the number of its packages.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct OrganizationCount {
    pub guid: String,
    pub name: String,
    pub spaces: i64,
    pub packages: i64,
}

/// A space and the number of its packages.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct SpaceCount {
    pub guid: String,
    pub name: String,
    /// The name of the organization.
    pub organization: String,
    pub packages: i64,
}

/// The stored files of packages. Equal files are stored once.
#[derive(Debug, Serialize)]
pub struct Blobs {
    /// How many files are stored.
    pub count: i64,
    /// Their bytes together.
    pub bytes: i64,
    /// The bytes of the largest one; 0 if there is none.
    pub largest_bytes: i64,
    /// How many packages have a file.
    pub packages: i64,
}

/// Counts what the snapshot holds. Ages are those at `now`, in seconds since 1970. A ranking has at most `limit` rows.
///
/// # Errors
///
/// Fails if the database cannot be read.
pub fn read(snapshot: &Snapshot<'_>, now: i64, limit: usize) -> Result<Statistics, StoreError> {
    let count = |table| number(snapshot, &format!("select count(*) from {table}"));
    let (organizations, spaces) = parents(snapshot, limit)?;
    Ok(Statistics {
        now: FormattedTime::new(now).as_str().to_owned(),
        totals: Totals {
            organizations: count("organizations")?,
            spaces: count("spaces")?,
            apps: count("apps")?,
            users: count("users")?,
            packages: count("packages")?,
        },
        states: counts(snapshot, "state", &STATES)?,
        types: counts(snapshot, "type", &TYPES)?,
        organizations,
        spaces,
        ages: Ages::read(snapshot, now)?,
        blobs: blobs(snapshot)?,
        labels: Labels::read(snapshot, limit)?,
    })
}

fn number(snapshot: &Snapshot<'_>, sql: &str) -> Result<i64, StoreError> {
    Ok(snapshot.int(sql, &[])?.unwrap_or(0))
}

/// Counts packages by a column that has one of these values.
fn counts(
    snapshot: &Snapshot<'_>,
    column: &str,
    values: &[&'static str],
) -> Result<Vec<Count>, StoreError> {
    let sql = format!("select count(*) from packages where {column} = $1");
    values
        .iter()
        .map(|name| {
            Ok(Count {
                name,
                packages: snapshot.int(&sql, &[Value::from(*name)])?.unwrap_or(0),
            })
        })
        .collect()
}

/// Returns the organizations and the spaces with the most packages. Of equal ones, the first by name come first.
fn parents(
    snapshot: &Snapshot<'_>,
    limit: usize,
) -> Result<(Ranking<OrganizationCount>, Ranking<SpaceCount>), StoreError> {
    let mut by_space = HashMap::new();
    snapshot.rows(
        "select space_id, count(*) from packages group by space_id",
        &[],
        |row| {
            by_space.insert(row.int(0)?, row.int(1)?);
            Ok::<_, StoreError>(())
        },
    )?;
    let mut organizations = Largest::new(limit);
    let mut spaces = Largest::new(limit);
    let mut current: Option<OrganizationCount> = None;
    let mut end = |organization: Option<OrganizationCount>| {
        if let Some(organization) = organization {
            organizations.add(organization.packages, organization.packages, || {
                organization
            });
        }
    };
    snapshot.rows(
        "select o.guid, o.name, s.id, s.guid, s.name from organizations o left join spaces s on s.organization_id = o.id
         order by o.folded_name, s.folded_name",
        &[],
        |row| {
            let guid = row.text(0)?;
            if current.as_ref().is_none_or(|current| current.guid != guid) {
                let next = OrganizationCount {
                    guid: guid.to_owned(),
                    name: row.text(1)?.to_owned(),
                    spaces: 0,
                    packages: 0,
                };
                end(current.replace(next));
            }
            let (Some(id), Some(organization)) = (row.optional_int(2)?, current.as_mut()) else {
                return Ok(());
            };
            let packages = by_space.get(&id).copied().unwrap_or(0);
            organization.spaces += 1;
            organization.packages += packages;
            let (guid, name) = (row.text(3)?, row.text(4)?);
            spaces.add(packages, packages, || SpaceCount {
                guid: guid.to_owned(),
                name: name.to_owned(),
                organization: organization.name.clone(),
                packages,
            });
            Ok::<_, StoreError>(())
        },
    )?;
    end(current.take());
    Ok((organizations.into_ranking(), spaces.into_ranking()))
}

/// Counts the stored files, without those whose upload has not ended.
fn blobs(snapshot: &Snapshot<'_>) -> Result<Blobs, StoreError> {
    let whole = "from blobs where due is null";
    Ok(Blobs {
        count: number(snapshot, &format!("select count(*) {whole}"))?,
        bytes: number(
            snapshot,
            &format!("select cast(coalesce(sum(size), 0) as bigint) {whole}"),
        )?,
        largest_bytes: number(snapshot, &format!("select coalesce(max(size), 0) {whole}"))?,
        packages: number(
            snapshot,
            "select count(*) from packages where blob_id is not null",
        )?,
    })
}
