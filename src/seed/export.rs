//! The whole data set as a seed, the exact inverse of applying one. Row by row, in the order in which things were
//! stored, references by guid, what is a default left out.

mod row;

use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;

use super::kind::{Form, Kind};
use super::metadata::{Pairs, Stored};
use crate::clock;
use crate::store::{Row, Snapshot, StoreError};
use row::{App, Credentials, Organization, Package, Role, Space, User};

/// Why an export ended early.
#[derive(Debug)]
pub enum ExportError {
    /// The database cannot be read.
    Store(StoreError),
    /// The export cannot be written.
    Output(io::Error),
}

impl std::fmt::Display for ExportError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Store(error) => error.fmt(f),
            Self::Output(error) => write!(f, "the export cannot be written: {error}"),
        }
    }
}

impl std::error::Error for ExportError {}

impl ExportError {
    /// Returns this error with the path of the database, if it is about the database.
    pub fn at(self, database: &Path) -> Self {
        match self {
            Self::Store(error) => Self::Store(error.at(database)),
            output @ Self::Output(_) => output,
        }
    }
}

impl From<StoreError> for ExportError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<io::Error> for ExportError {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

/// Writes everything but the keys to `out` as a seed.
pub fn export(snapshot: &Snapshot<'_>, form: Form, out: &mut dyn Write) -> Result<(), ExportError> {
    let mut writer = Writer {
        out,
        form,
        kind: Kind::Organization,
        first: true,
        empty: true,
    };
    if form == Form::Json {
        writer.out.write_all(b"{")?;
    }
    for kind in Kind::ALL {
        writer.begin(kind)?;
        match kind {
            Kind::Organization => organizations(snapshot, &mut writer)?,
            Kind::Space => spaces(snapshot, &mut writer)?,
            Kind::App => apps(snapshot, &mut writer)?,
            Kind::User => users(snapshot, &mut writer)?,
            Kind::Package => packages(snapshot, &mut writer)?,
        }
        writer.end()?;
    }
    match form {
        Form::Json => writer.out.write_all(b"\n}\n")?,
        // An empty file is no seed, but an empty object is.
        Form::JsonLines if writer.empty => writer.out.write_all(b"{}\n")?,
        Form::JsonLines => {}
    }
    writer.out.flush()?;
    Ok(())
}

struct Writer<'w> {
    out: &'w mut dyn Write,
    form: Form,
    kind: Kind,
    /// Whether nothing of this kind was written yet.
    first: bool,
    /// Whether nothing was written yet.
    empty: bool,
}

impl Writer<'_> {
    fn begin(&mut self, kind: Kind) -> io::Result<()> {
        self.kind = kind;
        self.first = true;
        if self.form == Form::Json {
            let comma = if kind == Kind::ALL[0] { "" } else { "," };
            write!(self.out, "{comma}\n  \"{}\": [", kind.plural())?;
        }
        Ok(())
    }

    fn entry(&mut self, entry: &impl Serialize) -> io::Result<()> {
        self.empty = false;
        let first = std::mem::replace(&mut self.first, false);
        match self.form {
            Form::Json => {
                self.out
                    .write_all(if first { b"\n    " } else { b",\n    " })?;
                serde_json::to_writer(&mut *self.out, entry)?;
            }
            Form::JsonLines => {
                write!(self.out, "{{\"{}\":", self.kind.singular())?;
                serde_json::to_writer(&mut *self.out, entry)?;
                self.out.write_all(b"}\n")?;
            }
        }
        Ok(())
    }

    fn end(&mut self) -> io::Result<()> {
        if self.form == Form::Json {
            self.out
                .write_all(if self.first { b"]" } else { b"\n  ]" })?;
        }
        Ok(())
    }
}

fn organizations(snapshot: &Snapshot<'_>, out: &mut Writer<'_>) -> Result<(), ExportError> {
    let sql = "select guid, name, suspended, created_at from organizations order by id";
    snapshot.rows(sql, &[], |row| {
        Ok(out.entry(&Organization {
            guid: row.text(0)?,
            name: row.text(1)?,
            suspended: row.int(2)? != 0,
            created_at: clock::format(row.int(3)?),
        })?)
    })
}

fn spaces(snapshot: &Snapshot<'_>, out: &mut Writer<'_>) -> Result<(), ExportError> {
    let sql = "select guid, name, (select guid from organizations where id = spaces.organization_id), created_at \
               from spaces order by id";
    snapshot.rows(sql, &[], |row| {
        Ok(out.entry(&Space {
            guid: row.text(0)?,
            name: row.text(1)?,
            organization: row.text(2)?,
            created_at: clock::format(row.int(3)?),
        })?)
    })
}

fn apps(snapshot: &Snapshot<'_>, out: &mut Writer<'_>) -> Result<(), ExportError> {
    let sql = "select guid, name, (select guid from spaces where id = apps.space_id), lifecycle, created_at \
               from apps order by id";
    snapshot.rows(sql, &[], |row| {
        Ok(out.entry(&App {
            guid: row.text(0)?,
            name: row.text(1)?,
            space: row.text(2)?,
            lifecycle: row.text(3)?,
            created_at: clock::format(row.int(4)?),
        })?)
    })
}

fn users(snapshot: &Snapshot<'_>, out: &mut Writer<'_>) -> Result<(), ExportError> {
    let sql = "select guid, name, id from users order by id";
    snapshot.rows(sql, &[], |row| {
        Ok(out.entry(&User {
            guid: row.text(0)?,
            name: row.optional_text(1)?,
            roles: roles(snapshot, row.int(2)?)?,
        })?)
    })
}

fn roles(snapshot: &Snapshot<'_>, user_id: i64) -> Result<Vec<Role>, StoreError> {
    let mut roles = Vec::new();
    let in_organizations = "select role, (select guid from organizations where id = organization_id) \
                            from organization_roles where user_id = $1 order by organization_id, role";
    snapshot.rows(in_organizations, &[user_id.into()], |row| {
        roles.push(Role {
            role: row.text(0)?.to_owned(),
            organization: Some(row.text(1)?.to_owned()),
            space: None,
        });
        Ok::<_, StoreError>(())
    })?;
    let in_spaces = "select role, (select guid from spaces where id = space_id) \
                     from space_roles where user_id = $1 order by space_id, role";
    snapshot.rows(in_spaces, &[user_id.into()], |row| {
        roles.push(Role {
            role: row.text(0)?.to_owned(),
            organization: None,
            space: Some(row.text(1)?.to_owned()),
        });
        Ok::<_, StoreError>(())
    })?;
    Ok(roles)
}

fn packages(snapshot: &Snapshot<'_>, out: &mut Writer<'_>) -> Result<(), ExportError> {
    let sql = "select guid, (select guid from apps where id = packages.app_id), type, state, error, sha1, sha256, \
               image, store_image, docker_user, docker_password, docker_email, docker_login_server, labels, \
               annotations, created_at, updated_at from packages order by id";
    snapshot.rows(sql, &[], |row| {
        Ok(out.entry(&Package {
            guid: row.text(0)?,
            app: row.text(1)?,
            r#type: row.text(2)?,
            state: row.text(3)?,
            error: row.optional_text(4)?,
            sha1: row.optional_text(5)?,
            sha256: row.optional_text(6)?,
            image: row.optional_text(7)?,
            store_image: row.optional_int(8)?.is_some_and(|flag| flag != 0),
            credentials: Credentials {
                user: row.optional_text(9)?,
                password: row.optional_text(10)?,
                email: row.optional_text(11)?,
                login_server: row.optional_text(12)?,
            },
            labels: pairs(row, 13)?,
            annotations: pairs(row, 14)?,
            created_at: clock::format(row.int(15)?),
            updated_at: row.optional_int(16)?.map(clock::format),
        })?)
    })
}

fn pairs<'r>(row: &Row<'r>, index: usize) -> Result<Pairs<'r, Stored>, StoreError> {
    serde_json::from_str(row.text(index)?)
        .map_err(|error| StoreError::Damaged(format!("column {index}: {error}")))
}
