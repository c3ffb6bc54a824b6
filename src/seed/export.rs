//! Exports the whole data as a seed. A seed of the export makes the same data again, and an export of that the same
//! bytes.
//!
//! Entries are in the order in which they were stored, references are guids, and default values are left out.

use std::fs::DirBuilder;
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::bits_state::BitsState;
use super::entry::{
    AppEntry, EntryKind, OrganizationEntry, PackageEntry, RoleEntry, SeedFormat, SpaceEntry,
    UserEntry,
};
use crate::blobs;
use crate::error_text::os_error;
use crate::records::package::FAILED;
use crate::records::user::for_each_role;
use crate::records::{App, Blob, Organization, Package, Space, Table, User};
use crate::store::{Snapshot, StoreError};

/// Why an export failed.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The database cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The export cannot be written.
    #[error("the export cannot be written: {}", os_error(.0))]
    Output(#[from] io::Error),
    /// The folder for the bits cannot be written.
    #[error("the bits cannot be written to `{}`: {}", .0.display(), os_error(.1))]
    Bits(PathBuf, io::Error),
}

impl ExportError {
    /// Returns this error with the path of the database, if it is about the database.
    pub fn at(self, database: &Path) -> Self {
        match self {
            Self::Store(error) => Self::Store(error.at(database)),
            other @ (Self::Output(_) | Self::Bits(..)) => other,
        }
    }
}

/// Whether an export names the bits of packages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportedBits<'f> {
    /// It does not.
    LeftOut,
    /// They are files in this folder, whose names are their SHA-256. [`write_bits`] writes them.
    In(&'f str),
}

impl ExportedBits<'_> {
    fn name(self, sha256: &str) -> Option<String> {
        match self {
            Self::LeftOut => None,
            Self::In("") => Some(sha256.to_owned()),
            Self::In(folder) => Some(format!("{}/{sha256}", folder.trim_end_matches('/'))),
        }
    }
}

/// Writes everything but the keys of tokens to `out` as a seed. It contains the passwords of docker registries. Returns how
/// many packages have bits that the export does not name.
///
/// # Errors
///
/// Fails if the snapshot cannot be read, or if `out` cannot be written.
pub fn export(
    snapshot: &Snapshot<'_>,
    format: SeedFormat,
    bits: ExportedBits<'_>,
    out: &mut dyn Write,
) -> Result<u64, ExportError> {
    let mut left_out = 0;
    let mut writer = SeedWriter {
        out,
        format,
        kind: EntryKind::Organization,
        is_first_of_kind: true,
        is_empty: true,
    };
    writer.begin()?;
    for kind in EntryKind::ALL {
        writer.begin_kind(*kind)?;
        match kind {
            EntryKind::Organization => Organization::for_each(snapshot, |record| {
                writer.entry(&OrganizationEntry::from_record(&record)?)
            })?,
            EntryKind::Space => Space::for_each(snapshot, |record| {
                writer.entry(&SpaceEntry::from_record(&record)?)
            })?,
            EntryKind::App => App::for_each(snapshot, |record| {
                writer.entry(&AppEntry::from_record(&record)?)
            })?,
            EntryKind::User => User::for_each(snapshot, |record| {
                let mut roles = Vec::new();
                for_each_role(snapshot, record.id, |role| {
                    roles.push(RoleEntry::from_record(&role));
                })?;
                writer.entry(&UserEntry::from_record(&record, roles))
            })?,
            EntryKind::Package => Package::for_each(snapshot, |record| {
                // Nothing would finish the package where the export is seeded.
                let outcome = BitsState::outcome(snapshot, &record)?;
                let record = outcome
                    .as_ref()
                    .map_or(record, |outcome| outcome.of(record));
                let blob = match record.blob_id {
                    Some(id) if record.state != FAILED => blobs::open(snapshot, id)?,
                    _ => None,
                };
                let name = blob.as_ref().and_then(|blob| bits.name(&blob.sha256));
                left_out += u64::from(blob.is_some() && name.is_none());
                writer.entry(&PackageEntry::from_record(&record, name)?)
            })?,
        }
        writer.end_kind()?;
    }
    writer.end()?;
    Ok(left_out)
}

/// Returns how many packages have bits, as [`export`] counts those that it leaves out.
///
/// # Errors
///
/// Fails if the snapshot cannot be read.
pub fn count_packages_with_bits(snapshot: &Snapshot<'_>) -> Result<u64, StoreError> {
    let sql = "select count(*) from blobs b join packages p on p.blob_id = b.id
               left join package_outcomes o
                   on o.package_id = p.id and p.state in ('PROCESSING_UPLOAD', 'COPYING')
               where b.due is null and coalesce(o.state, p.state) <> 'FAILED'";
    let count = snapshot.int(sql, &[])?;
    Ok(count
        .and_then(|count| u64::try_from(count).ok())
        .unwrap_or_default())
}

/// Writes the bits of all packages to `folder`, each content once, under its SHA-256. Only the user can read the files. Files
/// of these names are replaced.
///
/// # Errors
///
/// Fails if the snapshot cannot be read, if bits are damaged, or if the folder cannot be written.
pub fn write_bits(snapshot: &Snapshot<'_>, folder: &Path) -> Result<(), ExportError> {
    let failed = |error| ExportError::Bits(folder.to_owned(), error);
    if folder.metadata().is_err() {
        let mut builder = DirBuilder::new();
        builder.recursive(true).mode(0o700);
        builder.create(folder).map_err(failed)?;
    }
    Blob::for_each(snapshot, |blob| {
        // An upload that is being stored belongs to no package yet.
        if blob.due.is_some() {
            return Ok(());
        }
        // `tempfile` creates files of mode 0600.
        let mut file = tempfile::Builder::new()
            .prefix(".cf-packages-")
            .tempfile_in(folder)
            .map_err(failed)?;
        // Dropped with its name if the content is damaged.
        blobs::for_each_checked_piece(snapshot, &blob, |piece| {
            file.write_all(piece).map_err(failed)
        })?;
        file.as_file().sync_all().map_err(failed)?;
        let name = folder.join(blob.sha256);
        file.persist(name).map_err(|error| failed(error.error))?;
        Ok(())
    })
}

/// Writes entries in one of the two formats.
struct SeedWriter<'w> {
    out: &'w mut dyn Write,
    format: SeedFormat,
    kind: EntryKind,
    is_first_of_kind: bool,
    is_empty: bool,
}

impl SeedWriter<'_> {
    fn begin(&mut self) -> io::Result<()> {
        match self.format {
            SeedFormat::Json => self.out.write_all(b"{"),
            SeedFormat::JsonLines => Ok(()),
        }
    }

    fn begin_kind(&mut self, kind: EntryKind) -> io::Result<()> {
        self.kind = kind;
        self.is_first_of_kind = true;
        if self.format == SeedFormat::Json {
            let is_first = EntryKind::ALL.first() == Some(&kind);
            let comma = if is_first { "" } else { "," };
            write!(self.out, "{comma}\n  \"{}\": [", kind.plural())?;
        }
        Ok(())
    }

    fn entry(&mut self, entry: &impl Serialize) -> Result<(), ExportError> {
        self.write_entry(entry).map_err(ExportError::from)
    }

    fn write_entry(&mut self, entry: &impl Serialize) -> io::Result<()> {
        self.is_empty = false;
        let is_first = std::mem::replace(&mut self.is_first_of_kind, false);
        match self.format {
            SeedFormat::Json => {
                let comma = if is_first { "" } else { "," };
                write!(self.out, "{comma}\n    ")?;
                serde_json::to_writer(&mut *self.out, entry)?;
            }
            SeedFormat::JsonLines => {
                write!(self.out, "{{\"{}\":", self.kind.singular())?;
                serde_json::to_writer(&mut *self.out, entry)?;
                self.out.write_all(b"}\n")?;
            }
        }
        Ok(())
    }

    fn end_kind(&mut self) -> io::Result<()> {
        match self.format {
            SeedFormat::Json if self.is_first_of_kind => self.out.write_all(b"]"),
            SeedFormat::Json => self.out.write_all(b"\n  ]"),
            SeedFormat::JsonLines => Ok(()),
        }
    }

    fn end(&mut self) -> io::Result<()> {
        match self.format {
            SeedFormat::Json => self.out.write_all(b"\n}\n")?,
            // An empty file is not a seed, but an empty object is.
            SeedFormat::JsonLines if self.is_empty => self.out.write_all(b"{}\n")?,
            SeedFormat::JsonLines => {}
        }
        self.out.flush()
    }
}
