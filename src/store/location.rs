//! Where a database is: a file, or a server.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};
#[cfg(feature = "postgres")]
use std::sync::Arc;

#[cfg(feature = "postgres")]
use super::postgres::{self, PostgresStore, ServerAddress};
use super::sqlite::check::{self, CheckReport, FindFaults};
use super::{Durability, OpenMode, Store, StoreError, Transaction};

/// What a URL of a database of a PostgreSQL server begins with.
const SCHEMES: [&str; 2] = ["postgres://", "postgresql://"];

/// Where a database is.
#[derive(Clone, Debug)]
pub enum Location {
    /// A file of SQLite.
    File(PathBuf),
    /// A database of a PostgreSQL server. Its URL may hold a password, and is never shown whole.
    #[cfg(feature = "postgres")]
    Postgres(Arc<ServerAddress>),
}

/// Why a location cannot be used: a clause that follows what named it. It never holds the password of a URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocationError(String);

impl fmt::Display for LocationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for LocationError {}

impl Location {
    /// What a flag with a location takes, for its help.
    #[cfg(feature = "postgres")]
    pub const HELP: &str =
        "The SQLite file, or the URL of a PostgreSQL database [default: packages.db]";
    /// What a flag with a location takes, for its help.
    #[cfg(not(feature = "postgres"))]
    pub const HELP: &str = "The SQLite file [default: packages.db]";

    /// Why replicas cannot be used with a file: a clause that follows the name of the flag.
    pub const NO_REPLICAS: &str = "needs a `postgres://` URL as `--db`, because a file has no replicas; leave it out, or give both";

    /// Returns the location that `text` names: a URL that begins with `postgres://` or `postgresql://`, or else the path of a
    /// file.
    ///
    /// # Errors
    ///
    /// Fails if a URL cannot be used, if the text is the address of a server in another form, which may hold a password, or if
    /// this program was built without PostgreSQL.
    pub fn parse(text: OsString) -> Result<Self, LocationError> {
        let url = text
            .to_str()
            .filter(|text| Self::is_url_of_server(Path::new(text)));
        match url {
            None if is_meant_as_server(&text) => Err(LocationError(
                "is neither the path of a file nor a URL that begins with `postgres://`, and no other kind of URL is supported; give one such as `postgres://db.example.org/packages?user=me`, or a path that begins with `./`"
                    .into(),
            )),
            None => Ok(Self::File(text.into())),
            #[cfg(feature = "postgres")]
            Some(url) => match ServerAddress::parse(url) {
                Ok(server) => Ok(Self::Postgres(Arc::new(server))),
                Err(text) => Err(LocationError(text)),
            },
            #[cfg(not(feature = "postgres"))]
            Some(_) => Err(LocationError(
                "names a PostgreSQL server, and this program was built without PostgreSQL; build it with `--features postgres`, or name a file"
                    .into(),
            )),
        }
    }

    /// Returns the location that the content of a file names, as [`parse`](Self::parse) does. The content may be a secret, and
    /// a later error shows it if it is the path of a file.
    ///
    /// # Errors
    ///
    /// Fails as [`parse`](Self::parse) does, if the text is not one line, or if it has an `@` and is no URL, because it may be
    /// a misspelled one.
    pub fn parse_content(text: OsString) -> Result<Self, LocationError> {
        let line = text.to_string_lossy();
        if line.trim().is_empty() || line.starts_with('#') || line.contains(char::is_control) {
            return Err(LocationError(
                "must hold one line, the URL or the path of the database, without blank lines and comments"
                    .into(),
            ));
        }
        let has_at = line.contains('@');
        let is_url = Self::is_url_of_server(Path::new(line.trim_end()));
        match Self::parse(if is_url { line.trim_end().into() } else { text.clone() })? {
            Self::File(_) if has_at => Err(LocationError(
                "has an `@` and does not begin with `postgres://`; give a URL such as `postgres://db.example.org/packages?user=me`, or give the path of a file as `--db`"
                    .into(),
            )),
            location => Ok(location),
        }
    }

    /// Returns the location with standbys of its server, `replicas`, that pages may be read from.
    ///
    /// # Errors
    ///
    /// Fails if this is a file, or if one of `replicas` is.
    pub fn with_replicas(self, replicas: Vec<Self>) -> Result<Self, LocationError> {
        if replicas.is_empty() {
            return Ok(self);
        }
        #[cfg(feature = "postgres")]
        if let Self::Postgres(server) = &self {
            let servers = replicas.into_iter().map(|replica| match replica {
                Self::Postgres(server) => Ok(server),
                Self::File(_) => Err(LocationError(
                    "is no URL of a PostgreSQL server; give one such as `postgres://replica.example.org/packages`"
                        .into(),
                )),
            });
            let servers = servers.collect::<Result<_, _>>()?;
            return Ok(Self::Postgres(Arc::new(server.with_replicas(servers))));
        }
        Err(LocationError(Self::NO_REPLICAS.into()))
    }

    /// Whether a path is the URL of a server instead.
    fn is_url_of_server(path: &Path) -> bool {
        let text = path.to_string_lossy();
        SCHEMES.iter().any(|scheme| text.starts_with(scheme))
    }

    /// Returns the path of the file. `None` for a server.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => None,
        }
    }

    /// Returns the path of the file, or the address of the server without the password, for messages.
    pub fn shown(&self) -> &Path {
        match self {
            Self::File(path) => path,
            #[cfg(feature = "postgres")]
            Self::Postgres(server) => server.shown(),
        }
    }

    /// Returns whether a database may be there, without looking further than the file system.
    pub fn may_exist(&self) -> bool {
        match self {
            Self::File(path) => path.exists(),
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => true,
        }
    }

    /// Creates the database with the data that `fill` stores, if there is none. See [`Store::create`].
    ///
    /// # Errors
    ///
    /// Fails as [`Store::create`] does, or if the server cannot be reached.
    pub fn create<E: From<StoreError>>(
        &self,
        fill: impl FnOnce(&Transaction<'_>) -> Result<(), E>,
    ) -> Result<bool, E> {
        match self {
            Self::File(path) => Store::create(path, fill),
            #[cfg(feature = "postgres")]
            Self::Postgres(server) => postgres::create(server, fill),
        }
    }

    /// Opens the database for reading and writing. `durability` is that of a file.
    ///
    /// # Errors
    ///
    /// Fails as [`Store::open`] does, or if the server cannot be reached.
    pub fn open(&self, durability: Durability) -> Result<Store, StoreError> {
        match self {
            Self::File(path) => Store::open(path, OpenMode::ReadWrite, durability),
            #[cfg(feature = "postgres")]
            Self::Postgres(server) => PostgresStore::open(server)
                .map(Store::open_postgres)
                .map_err(|error| error.at(server.shown())),
        }
    }

    /// Opens the database for reading while other programs may write. See [`Store::open_for_reading`].
    ///
    /// # Errors
    ///
    /// Fails as [`Location::open`] does.
    pub fn open_for_reading(&self) -> Result<Store, StoreError> {
        match self {
            Self::File(path) => Store::open_for_reading(path),
            #[cfg(feature = "postgres")]
            Self::Postgres(server) => PostgresStore::open_for_reading(server)
                .map(Store::open_postgres)
                .map_err(|error| error.at(server.shown())),
        }
    }

    /// Fails if [`Location::open`] would change the database. See [`Store::refuse_changes_at_opening`].
    ///
    /// # Errors
    ///
    /// Fails as [`Store::refuse_changes_at_opening`] does, or if the server cannot be reached.
    pub fn refuse_changes_at_opening(&self) -> Result<(), StoreError> {
        match self {
            Self::File(path) => Store::refuse_changes_at_opening(path),
            #[cfg(feature = "postgres")]
            Self::Postgres(server) => {
                postgres::refuse_older(server).map_err(|error| error.at(server.shown()))
            }
        }
    }

    /// Checks the database, without changing it. See [`check`](check::check).
    ///
    /// # Errors
    ///
    /// Fails if it is no database of this program, or cannot be read.
    pub fn check(&self, find_faults: FindFaults) -> Result<CheckReport, StoreError> {
        match self {
            Self::File(path) => check::check(path, find_faults),
            #[cfg(feature = "postgres")]
            Self::Postgres(server) => {
                postgres::check(server, find_faults).map_err(|error| error.at(server.shown()))
            }
        }
    }

    /// Returns the name of the engine, with the version that is part of this program.
    pub fn engine(&self) -> String {
        match self {
            Self::File(_) => check::engine(),
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => "PostgreSQL".into(),
        }
    }
}

/// Whether a text that is no URL of a server was probably meant to name one: with another scheme or none, as `user:password@…`,
/// or as `host=… password=…`. A path that begins with `/` or `.` is a path.
fn is_meant_as_server(text: &OsStr) -> bool {
    let text = text.to_string_lossy().to_ascii_lowercase();
    let text = text.trim_start();
    let has_password = |text: &str| {
        let user = text.rsplit_once('@').map(|(user, _)| user);
        user.is_some_and(|user| user.contains(':'))
    };
    !text.starts_with(['/', '.'])
        && (text.contains("://")
            || text.starts_with("postgre") && text.contains(":/")
            || text.contains("password=")
            || has_password(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Location, LocationError> {
        Location::parse(text.into())
    }

    #[test]
    fn paths_are_files_whatever_they_look_like() {
        for path in [
            "packages.db",
            "./postgres:",
            "postgres",
            "/a/postgres://x",
            "./http://x",
            "/a:b@c",
            "me@home.db",
            "a:b",
        ] {
            let found = parse(path).expect("a location");
            assert_eq!(found.file(), Some(Path::new(path)));
        }
    }

    #[test]
    fn address_of_a_server_in_another_form_is_refused_and_not_shown() {
        for text in [
            "POSTGRES://me:wordpass@db.example.org/packages",
            " postgres://me:wordpass@db.example.org/packages",
            "postgres:/me:wordpass@db.example.org/packages",
            "postgress://me:wordpass@db.example.org/packages",
            "host=db.example.org password=wordpass",
            "postgres//me:wordpass@db.example.org/packages",
            "postgres:me:wordpass@db.example.org/packages",
            "psql:me:wordpass@db.example.org/packages",
            "me:wordpass@db.example.org:5432/packages",
            "mysql://me:wordpass@db.example.org/packages",
        ] {
            for parse in [Location::parse, Location::parse_content] {
                let error = parse(text.into()).expect_err(text).to_string();
                assert!(error.contains("`postgres://`"), "{error}");
                assert!(error.contains("no other kind of URL"), "{error}");
                assert!(!error.contains("wordpass"), "{error}");
            }
        }
    }

    #[test]
    fn content_of_a_file_is_one_line_and_no_path_with_an_at_sign() {
        let location = Location::parse_content("data/packages.db".into()).expect("a location");
        assert_eq!(location.file(), Some(Path::new("data/packages.db")));
        for text in [
            "",
            " ",
            "# x",
            "a.db\n",
            "# x\na.db",
            "a.db\n\nb.db",
            "a\0b",
        ] {
            let error = Location::parse_content(text.into()).expect_err(text);
            assert!(error.to_string().contains("must hold one line"), "{error}");
        }
        for text in ["me@db.example.org", "/wordpass@db.example.org"] {
            let error = Location::parse_content(text.into()).expect_err(text);
            assert!(error.to_string().contains("has an `@`"), "{error}");
            assert!(!error.to_string().contains("wordpass"), "{error}");
        }
    }

    #[test]
    fn url_of_a_server_is_no_file_and_its_password_is_not_shown() {
        let shown = match parse("postgres://me:wordpass@db.example.org/packages") {
            Ok(location) => {
                assert_eq!(location.file(), None);
                format!("{location:?} {}", location.shown().display())
            }
            Err(error) => {
                assert!(error.to_string().contains("`--features postgres`"));
                error.to_string()
            }
        };
        assert!(!shown.contains("wordpass"), "{shown}");
    }
}
