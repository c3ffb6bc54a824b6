//! The databases: one a size, made once, in a folder that goes away.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use cf_packages::auth::Keys;
use cf_packages::auth::tokens::{self, Subject};
use cf_packages::clock::Clock;
use cf_packages::edition::Edition;
use cf_packages::store::{Durability, OpenMode, Store, StoreError, Value};
use tempfile::TempDir;

use crate::Result;
use crate::process;
use crate::table::grouped;

/// The user who reads a tenth of the spaces.
const TENTH: &str = "reader-of-a-tenth";
/// When the packages were made.
const CLOCK: &str = "2026-01-01T00:00:00Z";
/// How long tokens live: longer than any run.
pub const TTL: Duration = Duration::from_secs(24 * 60 * 60);

/// The edition that is asked for, but where a row says otherwise.
pub const EDITION: Edition = Edition::Current;

/// The folder of this run, and the databases made in it so far.
pub struct Folder {
    folder: TempDir,
    made: Vec<Data>,
}

/// One database.
#[derive(Clone, Debug)]
pub struct Data {
    /// How many packages it holds.
    pub size: u64,
    /// The file.
    pub file: PathBuf,
    /// A token of an admin.
    pub admin: String,
    /// A token of the user who reads a tenth of the spaces.
    pub tenth: String,
}

impl Folder {
    /// A new folder, on the disk of the build: the databases of a million do not fit every `/tmp`.
    pub fn new() -> Result<Self> {
        Ok(Self {
            folder: tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?,
            made: Vec::new(),
        })
    }

    /// A file in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The database of that size.
    pub fn data(&mut self, size: u64) -> Result<Data> {
        if let Some(data) = self.made.iter().find(|data| data.size == size) {
            return Ok(data.clone());
        }
        eprintln!("  making {} packages", grouped(&size.to_string()));
        let data = Data::make(self.path(&format!("{size}.db")), size)?;
        self.made.push(data.clone());
        Ok(data)
    }
}

impl Data {
    fn make(file: PathBuf, size: u64) -> Result<Self> {
        let number = size.to_string();
        let seed = ["seed", "--generate", &number, "--clock", CLOCK, "--db"];
        let seed = seed.map(Into::into).into_iter();
        process::run(seed.chain([file.clone().into_os_string()]), Stdio::null())?;
        let store = Store::open(&file, OpenMode::ReadWrite, Durability::Off)?;
        store.write(|db| {
            db.execute(
                "insert into users (guid, name) values ($1, $1)",
                &[TENTH.into()],
            )?;
            // The first of every ten, so that a table of one space is seen too.
            db.execute(
                "insert into space_roles (user_id, space_id, role) \
                 select $1, id, 'space_developer' from spaces where id % 10 = 1",
                &[db.last_id().into()],
            )
        })?;
        let keys = store
            .read_blocking(|db| Ok::<_, StoreError>(Keys::load(db, Vec::new(), &[])))?
            .map_err(|error| error.to_string())?;
        store.close()?;
        let token = |subject, scopes: &[String]| {
            tokens::access(&keys, &Clock::system(), &subject, scopes, TTL).map(|token| token.text)
        };
        Ok(Self {
            size,
            file,
            admin: token(Subject::admin(), &tokens::admin_scopes())?,
            tenth: token(Subject::user(TENTH, None), &tokens::user_scopes())?,
        })
    }

    /// `1,000,000 packages`.
    pub fn named(&self) -> String {
        format!("{} packages", grouped(&self.size.to_string()))
    }

    /// The guid of an app in the middle of the table.
    pub fn an_app(&self) -> Result<String> {
        let store = Store::open_for_reading(&self.file)?;
        let guid = store.read_blocking(|db| {
            let mut guid = String::new();
            let middle = "select guid from apps where id = (select (max(id) + 1) / 2 from apps)";
            db.rows(middle, &[] as &[Value], |row| {
                guid = row.text(0)?.to_owned();
                Ok::<_, StoreError>(())
            })?;
            Ok::<_, StoreError>(guid)
        })?;
        Ok(guid)
    }
}
