//! The flags that several commands share. Each is defined here once.

use std::path::{Path, PathBuf};

use super::CommandError;
use crate::auth::KeyError;
use crate::auth::secret::{self, Secret, SecretError};
use crate::clock::{self, Clock};
use crate::edition::{BaseUrl, Edition};

/// The database that a command uses if no `--db` is given.
const DEFAULT_DATABASE: &str = "packages.db";
/// The URL of a server that was started without `--listen`.
pub const DEFAULT_URL: &str = "http://127.0.0.1:8080";

/// `--db`: the database.
#[derive(Debug, clap::Args)]
pub struct DatabaseFlag {
    /// The SQLite file [default: packages.db]
    #[arg(long, value_name = "FILE")]
    db: Option<PathBuf>,
    /// The program whose data the database is a private copy of.
    #[arg(skip)]
    carried_by: Option<PathBuf>,
}

impl DatabaseFlag {
    /// Returns the path of the database: the one given, or the default.
    pub fn path(&self) -> &Path {
        self.given().unwrap_or(Path::new(DEFAULT_DATABASE))
    }

    /// Returns the path of the database, if one was given.
    pub fn given(&self) -> Option<&Path> {
        self.db.as_deref()
    }

    /// Chooses the database at `path`, a private copy of the data that the program at `program` carries.
    pub fn set_copy(&mut self, path: PathBuf, program: &Path) {
        self.db = Some(path);
        self.carried_by = Some(program.to_owned());
    }

    /// Returns the path that is shown to the user: that of the database, or of the program that carries it.
    pub fn shown(&self) -> &Path {
        self.carried_by.as_deref().unwrap_or(self.path())
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
