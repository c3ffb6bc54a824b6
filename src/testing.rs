//! A server inside a test process. It listens on a free port, and is removed with its data when it is dropped.
//!
//! ```
//! let server = cf_packages::testing::Server::start("example")?;
//! let url = format!("{}/v3/packages?per_page=2", server.url());
//! let token = server.token("uaa-id-463")?;
//!
//! let mut answer = ureq::get(&url)
//!     .header("Authorization", format!("bearer {token}"))
//!     .call()?;
//! assert!(answer.body_mut().read_to_string()?.contains("\"total_results\":3"));
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
//!
//! A seed may also be a value of the test, and [`Options`] has the rest:
//!
//! ```
//! use cf_packages::testing::{Options, Server};
//! use serde_json::json;
//!
//! let server = Server::with(&Options {
//!     seeds: vec![json!({
//!         "organizations": [{"name": "acme"}],
//!         "spaces": [{"name": "dev", "organization": "acme"}],
//!         "apps": [{"name": "shop", "space": "dev"}],
//!         "users": [{"name": "alice", "roles": [{"role": "space_developer", "space": "dev"}]}],
//!         "packages": [{"app": "shop", "type": "bits"}],
//!     }).into()],
//!     clock: Some("2026-01-01T00:00:00Z".into()),
//!     login_password: Some("secret".into()),
//!     ..Options::default()
//! })?;
//!
//! let mut granted = ureq::post(format!("{}/oauth/token", server.url()))
//!     .header("Authorization", "Basic Y2Y6")
//!     .send("grant_type=password&username=alice&password=secret")?;
//! assert!(granted.body_mut().read_to_string()?.contains("access_token"));
//!
//! let mut list = ureq::get(format!("{}/v3/packages", server.url()))
//!     .header("Authorization", format!("bearer {}", server.token("alice")?))
//!     .call()?;
//! assert!(list.body_mut().read_to_string()?.contains("\"created_at\":\"2026-01-01T00:00:00Z\""));
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```

use std::fmt::Display;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::auth::login::users;
use crate::auth::tokens::{self, Subject};
use crate::auth::{Keys, Login, Secret};
use crate::clock::{self, Clock};
use crate::edition::Edition;
use crate::ephemeral::Ephemeral;
use crate::http::Router;
use crate::seed::Source;
use crate::server;
use crate::service::web_pages::WebPages;
use crate::service::{AdminApi, Authentication, Service, ServiceOptions};

/// Why a server could not be started, or a token could not be signed: one sentence.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Error(String);

impl Error {
    fn new(error: impl Display) -> Self {
        Self(error.to_string())
    }
}

/// How long a token is valid.
const TTL: Duration = Duration::from_secs(24 * 60 * 60);
/// How long a token of a login is valid, as with `serve --login`.
const LOGIN_TTL: Duration = Duration::from_secs(10 * 60);
/// The size of the response cache, in MiB. Tests request few pages.
const RESPONSE_CACHE_MIB: u32 = 8;

/// A seed of a server. `"demo".into()` is a seed by its name, and `json!({…}).into()` one by its value.
#[derive(Clone, Debug)]
pub enum Seed {
    /// The name of a bundled seed, or the path of a file.
    Named(String),
    /// The text of a seed: JSON or JSON Lines. Only a file can name `bits`.
    Text(String),
}

impl Seed {
    fn source(&self) -> Result<Source, Error> {
        match self {
            Self::Named(name) => Source::parse(name).map_err(Error::new),
            Self::Text(text) => Ok(Source::Bytes {
                label: "the seed".into(),
                bytes: text.clone().into_bytes(),
            }),
        }
    }
}

impl From<&str> for Seed {
    /// Returns the seed with this name or path.
    fn from(name: &str) -> Self {
        Self::Named(name.to_owned())
    }
}

impl From<serde_json::Value> for Seed {
    /// Returns the seed that is this value.
    fn from(value: serde_json::Value) -> Self {
        Self::Text(value.to_string())
    }
}

/// The settings of a server.
#[derive(Debug)]
pub struct Options {
    /// A database that the server starts with a copy of. It is never changed.
    pub from: Option<PathBuf>,
    /// The seeds, which are applied in this order.
    pub seeds: Vec<Seed>,
    /// The edition of the API.
    pub edition: Edition,
    /// The time at which the server's clock stands still, in RFC 3339, such as `2026-01-01T00:00:00Z`; `None` means the
    /// system's clock.
    pub clock: Option<String>,
    /// The password of all users, with which clients log in at `POST /oauth/token`. Without one there is no login. The
    /// edition `2015` has none.
    pub login_password: Option<String>,
}

impl Default for Options {
    /// Returns the settings of an empty server of the `current` edition with the system's clock.
    fn default() -> Self {
        Self {
            from: None,
            seeds: Vec::new(),
            edition: Edition::Current,
            clock: None,
            login_password: None,
        }
    }
}

/// A running server. Dropping it stops it and removes its data.
#[derive(Debug)]
pub struct Server {
    url: String,
    service: Arc<Service>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts a server of the `current` edition with a seed: the name of a bundled one, a file, or a JSON value.
    ///
    /// # Errors
    ///
    /// Fails if the seed is refused or the server cannot be started.
    pub fn start(seed: impl Into<Seed>) -> Result<Self, Error> {
        Self::with(&Options {
            seeds: vec![seed.into()],
            ..Options::default()
        })
    }

    /// Starts a server, which accepts requests when this returns. The admin API is on.
    ///
    /// # Errors
    ///
    /// Fails if a seed or another setting is refused, or if the server cannot be started.
    pub fn with(options: &Options) -> Result<Self, Error> {
        let seeds = options.seeds.iter().map(Seed::source);
        let seeds = seeds.collect::<Result<Vec<_>, _>>()?;
        let clock = clock(options)?;
        let login = login(options)?;
        let Ephemeral {
            store,
            start,
            folder,
        } = Ephemeral::new(options.from.as_deref(), &seeds, clock.now()).map_err(Error::new)?;
        let keys = store
            .read_blocking(|snapshot| Keys::load(snapshot, Vec::new(), &[]))
            .map_err(Error::new)?;
        let service = Arc::new(Service::new(
            store,
            ServiceOptions {
                authentication: Authentication::Tokens(keys),
                clock,
                edition: options.edition,
                web_pages: WebPages::new(true, None, Vec::new(), Vec::new()),
                response_cache_mib: RESPONSE_CACHE_MIB,
                login,
                admin_api: AdminApi::Ephemeral { start },
                ..ServiceOptions::default()
            },
        ));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(Error::new)?;
        let listener = runtime
            .block_on(TcpListener::bind("127.0.0.1:0"))
            .map_err(Error::new)?;
        let url = format!("http://{}", listener.local_addr().map_err(Error::new)?);
        let router = Router::new(service.clone());
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = std::thread::Builder::new()
            .name("cf-packages".into())
            .spawn(move || {
                runtime.block_on(server::serve(listener.into(), router, async {
                    let _ = stopped.await;
                }));
                drop(runtime);
                drop(folder);
            })
            .map_err(Error::new)?;
        Ok(Self {
            url,
            service,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Returns scheme, host and port: `http://127.0.0.1:PORT`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns a token of a user, without `bearer`. `user` is a guid, or a name that one user has. A user that the data
    /// does not hold sees nothing.
    ///
    /// # Errors
    ///
    /// Fails if the token cannot be signed.
    pub fn token(&self, user: &str) -> Result<String, Error> {
        let known = self
            .service
            .store
            .read_blocking(|snapshot| users::by_name(snapshot, user))
            .map_err(Error::new)?;
        let subject = match &known {
            Some(known) => Subject::user(&known.guid, Some(&known.name)),
            None => Subject::user(user, None),
        };
        self.sign(&subject, &tokens::user_scopes())
    }

    /// Returns a token that reads and writes everything, without `bearer`.
    ///
    /// # Errors
    ///
    /// Fails if the token cannot be signed.
    pub fn admin_token(&self) -> Result<String, Error> {
        self.sign(&Subject::admin(), &tokens::admin_scopes())
    }

    fn sign(&self, subject: &Subject, scopes: &[String]) -> Result<String, Error> {
        let Some(keys) = self.service.keys() else {
            return Err(Error::new("the server accepts no tokens"));
        };
        tokens::access(keys, &self.service.clock, subject, scopes, TTL)
            .map(|token| token.text)
            .map_err(Error::new)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Returns the clock that the settings ask for.
fn clock(options: &Options) -> Result<Clock, Error> {
    let Some(text) = &options.clock else {
        return Ok(Clock::system());
    };
    let time = clock::parse_rfc3339(text)
        .map_err(|error| Error(format!("the clock `{text}` cannot be set: {error}")))?;
    Ok(Clock::still(time))
}

/// Returns the login that the settings ask for.
fn login(options: &Options) -> Result<Option<Login>, Error> {
    let Some(password) = &options.login_password else {
        return Ok(None);
    };
    if options.edition.foundation().is_none() {
        let text = "a login needs the edition `Current`; the edition `2015` has none";
        return Err(Error(text.into()));
    }
    Ok(Some(Login {
        password: Secret::new(password.as_str()),
        ttl: LOGIN_TTL,
    }))
}
