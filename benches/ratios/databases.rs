//! The databases: one for each number of packages, created when it is first used, in a temporary folder.

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
/// The time at which the packages are seeded.
const CLOCK: &str = "2026-01-01T00:00:00Z";
/// The lifetime of the tokens, which is longer than a run.
pub const TTL: Duration = Duration::from_secs(24 * 60 * 60);

/// The editions. Rows that do not name one measure `current`.
pub const EDITIONS: [Edition; 2] = [Edition::Current, Edition::Of2015];

/// The temporary folder of this run, and the databases created so far.
pub struct Folder {
    folder: TempDir,
    databases: Vec<Database>,
}

/// One database.
#[derive(Clone, Debug)]
pub struct Database {
    /// The number of packages.
    pub size: u64,
    /// The file.
    pub file: PathBuf,
    /// A token of an admin.
    pub admin: String,
    /// A token of the user who reads a tenth of the spaces.
    pub tenth: String,
}

impl Folder {
    /// Creates the folder below `target/`, since a database of a million packages is too large for some `/tmp`.
    pub fn new() -> Result<Self> {
        Ok(Self {
            folder: tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?,
            databases: Vec::new(),
        })
    }

    /// Returns the path of a file in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Returns the database with that number of packages.
    pub fn database(&mut self, size: u64) -> Result<Database> {
        if let Some(database) = self.databases.iter().find(|database| database.size == size) {
            return Ok(database.clone());
        }
        eprintln!("  creating {} packages", grouped(&size.to_string()));
        let database = Database::create(self.path(&format!("{size}.db")), size)?;
        self.databases.push(database.clone());
        Ok(database)
    }
}

impl Database {
    fn create(file: PathBuf, size: u64) -> Result<Self> {
        let number = size.to_string();
        let seed = ["seed", "--generate", &number, "--clock", CLOCK, "--db"];
        let seed = seed.map(Into::into).into_iter();
        process::run(seed.chain([file.clone().into_os_string()]), Stdio::null())?;
        let store = Store::open(&file, OpenMode::ReadWrite, Durability::Off)?;
        store.write(|transaction| {
            transaction.execute(
                "insert into users (guid, name) values ($1, $1)",
                &[TENTH.into()],
            )?;
            // The first of every ten spaces, so that the user sees something even if there is only one.
            transaction.execute(
                "insert into space_roles (user_id, space_id, role) \
                 select $1, id, 'space_developer' from spaces where id % 10 = 1",
                &[transaction.last_id().into()],
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

    /// Returns a text like `1,000,000 packages`.
    pub fn label(&self) -> String {
        format!("{} packages", grouped(&self.size.to_string()))
    }

    /// Returns the guid of an app in the middle of the table.
    pub fn middle_app(&self) -> Result<String> {
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
