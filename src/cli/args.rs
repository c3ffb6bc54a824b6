//! The flags that several commands share. Each is defined here once.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use clap::ValueHint;
use clap::builder::{OsStringValueParser, TypedValueParser};

use super::CommandError;
use crate::auth::KeyError;
use crate::auth::secret::{self, Secret, SecretError};
use crate::clock::{self, Clock};
use crate::edition::{BaseUrl, Edition};
use crate::store::{Location, LocationError};

/// The database that a command uses if no `--db` is given.
const DEFAULT_DATABASE: &str = "packages.db";
/// The URL of a server that was started without `--listen`.
pub const DEFAULT_URL: &str = "http://127.0.0.1:8080";

/// `--db`: the database.
#[derive(Debug, clap::Args)]
pub struct DatabaseFlag {
    // The URL holds a password: it is parsed to a `Location`, which does not show it.
    #[arg(
        long,
        help = Location::HELP,
        value_name = "FILE",
        value_hint = ValueHint::AnyPath,
        value_parser = OsStringValueParser::new().map(GivenDatabase::parse)
    )]
    db: Option<GivenDatabase>,
    /// File with the `--db`, which may be a secret
    #[arg(long, value_name = "FILE", conflicts_with = "db")]
    db_file: Option<PathBuf>,
    /// The program whose data the database is a private copy of.
    #[arg(skip)]
    carried_by: Option<PathBuf>,
}

impl DatabaseFlag {
    /// Returns where the database is: what was given, or the default.
    ///
    /// # Errors
    ///
    /// Fails if the file of `--db-file` cannot be read, or if what it holds cannot be used.
    pub fn location(&self) -> Result<Location, CommandError> {
        if let Some(file) = &self.db_file {
            let content = content_of(file, "db")?;
            return Location::parse_content(OsString::from_vec(content)).map_err(|error| {
                let file = file.display();
                CommandError::Usage(format!("`{file}` of `--db-file` {error}"))
            });
        }
        match &self.db {
            None => Ok(Location::File(DEFAULT_DATABASE.into())),
            Some(GivenDatabase(given)) => given
                .clone()
                .map_err(|error| CommandError::Usage(format!("the value of `--db` {error}"))),
        }
    }

    /// Returns the path of the file, for a command that is about files alone. `instead` says what to do about a database
    /// of a server.
    ///
    /// # Errors
    ///
    /// Fails with wrong usage if a database of a server was given.
    pub fn file(&self, instead: &str) -> Result<PathBuf, CommandError> {
        let location = self.location()?;
        match location.file() {
            Some(file) => Ok(file.to_owned()),
            None => Err(CommandError::Usage(format!(
                "`{}` is no file; {instead}",
                location.shown().display()
            ))),
        }
    }

    /// Whether a database was given.
    pub fn is_given(&self) -> bool {
        self.db.is_some() || self.db_file.is_some()
    }

    /// Chooses the database at `path`, a private copy of the data that the program at `program` carries.
    pub fn set_copy(&mut self, path: PathBuf, program: &Path) {
        self.db = Some(GivenDatabase(Ok(Location::File(path))));
        self.carried_by = Some(program.to_owned());
    }

    /// Returns the name that is shown to the user: that of the database at `location`, which is the one of this flag, or of
    /// the program that carries it.
    pub fn shown<'a>(&'a self, location: &'a Path) -> &'a Path {
        self.carried_by.as_deref().unwrap_or(location)
    }
}

/// `--db-replica`: the replicas that pages may be read from.
#[derive(Debug, clap::Args)]
pub struct ReplicaFlags {
    /// Also read pages from this streaming standby of the PostgreSQL server of `--db`, while it is not behind; repeatable
    #[arg(
        long,
        value_name = "URL",
        value_hint = ValueHint::AnyPath,
        value_parser = OsStringValueParser::new().map(GivenDatabase::parse)
    )]
    db_replica: Vec<GivenDatabase>,
    /// File with a `--db-replica`, which may be a secret, on each line
    #[arg(long, value_name = "FILE", conflicts_with = "db_replica")]
    db_replica_file: Option<PathBuf>,
}

impl ReplicaFlags {
    /// Whether a replica was given.
    pub fn are_given(&self) -> bool {
        !self.db_replica.is_empty() || self.db_replica_file.is_some()
    }

    /// Adds the replicas that were given to `location`.
    ///
    /// # Errors
    ///
    /// Fails if the file of `--db-replica-file` cannot be read, or with wrong usage if a replica cannot be used, or `location`
    /// has none.
    pub fn add_to(&self, location: Location) -> Result<Location, CommandError> {
        let (name, given) = match &self.db_replica_file {
            None => ("`--db-replica`".to_owned(), self.db_replica.clone()),
            Some(file) => {
                let content = content_of(file, "db-replica")?;
                let lines = content.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
                let lines = lines.filter(|line| !line.is_empty());
                let lines = lines.map(|line| GivenDatabase::parse(OsString::from_vec(line.into())));
                let name = format!("a URL in `{}` of `--db-replica-file`", file.display());
                (name, lines.collect())
            }
        };
        let replicas = given.into_iter().map(|GivenDatabase(given)| given);
        replicas
            .collect::<Result<_, _>>()
            .and_then(|replicas| location.with_replicas(replicas))
            .map_err(|error| CommandError::Usage(format!("{name} {error}")))
    }
}

/// Returns the content of a file that holds the value of a flag of a database, without one newline at its end.
///
/// # Errors
///
/// Fails if the file cannot be read, or with wrong usage if it is empty, or if `file` is an address of a server instead.
fn content_of(file: &PathBuf, flag: &str) -> Result<Vec<u8>, CommandError> {
    if !names_file(file) {
        return Err(CommandError::Usage(format!(
            "`--{flag}-file` takes a file, and is given an address of a server; put that into a file, or give it as `--{flag}`"
        )));
    }
    let content = secret::resolve_one(flag, None, Some(file));
    let content = content.map_err(CommandError::from_secrets)?;
    Ok(content.map_or_else(Vec::new, |content| content.expose().to_vec()))
}

/// Whether a path that was given for a file is one, and no address of a server.
fn names_file(path: &Path) -> bool {
    matches!(Location::parse(path.into()), Ok(Location::File(_)))
}

/// Fails with wrong usage if the value of `--from` is the URL of a server, or a misspelled one.
///
/// # Errors
///
/// Fails only then.
pub fn refuse_server_as_copy(from: &Path) -> Result<(), CommandError> {
    if !names_file(from) {
        return Err(CommandError::Usage(
            "`--from` copies a file, and is given a URL; `export` that database and give the seed as `--seed`"
                .into(),
        ));
    }
    Ok(())
}

/// The value of `--db`. clap would repeat one that it refuses, with the password of the URL.
#[derive(Clone, Debug)]
struct GivenDatabase(Result<Location, LocationError>);

impl GivenDatabase {
    fn parse(text: OsString) -> Self {
        Self(Location::parse(text))
    }
}

/// `--clock`: a clock that stands still.
#[derive(Debug, clap::Args)]
pub struct ClockFlag {
    /// The time (RFC 3339) at which the clock stands still [default: the system's clock]
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, value_parser = clock::parse_rfc3339)]
    clock: Option<i64>,
}

impl ClockFlag {
    /// Returns the clock that was given, or the system's.
    pub fn clock(&self) -> Clock {
        self.clock.map_or_else(Clock::system, Clock::still)
    }
}

/// `--api`: the edition of the API.
#[derive(Debug, clap::Args)]
pub struct ApiFlag {
    /// The edition of the API; today's clients need `current` [default: 2015]
    #[arg(long, value_name = "EDITION")]
    api: Option<Edition>,
}

impl ApiFlag {
    /// Returns the edition: the one given, or the default.
    pub fn edition(&self) -> Edition {
        self.api.unwrap_or_default()
    }

    /// Chooses an edition if none was given.
    pub fn set_default(&mut self, edition: Edition) {
        self.api.get_or_insert(edition);
    }
}

/// `--external-url`: the base of absolute hrefs.
#[derive(Debug, clap::Args)]
pub struct ExternalUrlFlag {
    /// What hrefs begin with: scheme, host, and the path prefix that a proxy removes [default: the request's Host; for `get`, http://127.0.0.1:8080]
    #[arg(long, value_name = "URL", value_parser = parse_external_url)]
    pub external_url: Option<BaseUrl>,
}

/// `--no-auth`: no authentication.
#[derive(Debug, clap::Args)]
pub struct NoAuthFlag {
    /// Require no token: every request is an admin's; a server has to listen on loopback
    #[arg(long)]
    pub no_auth: bool,
}

/// `--token-key` and `--token-key-file`: the HS256 secrets that sign and verify tokens.
#[derive(Debug, clap::Args)]
pub struct KeyFlags {
    /// HS256 secret, instead of the database's own; repeatable: the first signs, all verify
    // Without `allow_hyphen_values`, clap would print a key that begins with `-` in its error.
    #[arg(long, value_name = "KEY", allow_hyphen_values = true)]
    token_key: Vec<Secret>,
    /// File with an HS256 secret; repeatable
    #[arg(long, value_name = "FILE")]
    token_key_file: Vec<PathBuf>,
}

impl KeyFlags {
    /// Whether secrets are given both as values and as files.
    pub fn are_given_twice(&self) -> bool {
        !self.token_key.is_empty() && !self.token_key_file.is_empty()
    }

    /// Returns the secrets that flags, files or the environment give. There may be none.
    ///
    /// # Errors
    ///
    /// Fails if a secret is empty, if a file cannot be read, or if keys are given in two ways.
    pub fn given(&self) -> Result<Vec<Secret>, CommandError> {
        secret::resolve("token-key", &self.token_key, &self.token_key_file)
            .map_err(CommandError::from_secrets)
    }
}

impl CommandError {
    /// Returns the error of secrets that cannot be used.
    pub fn from_secrets(error: SecretError) -> Self {
        if error.is_usage() {
            Self::Usage(error.to_string())
        } else {
            error.into()
        }
    }

    /// Returns the error of keys that cannot be loaded.
    pub fn from_keys(error: KeyError) -> Self {
        if error.is_usage() {
            Self::Usage(error.to_string())
        } else {
            error.into()
        }
    }
}

/// Parses `http://HOST` or `https://HOST:PORT/PREFIX`.
fn parse_external_url(text: &str) -> Result<BaseUrl, String> {
    BaseUrl::parse(text).ok_or_else(|| {
        "expected scheme, host, perhaps a port and a path prefix, as `https://api.example.org/packages`"
            .to_owned()
    })
}
