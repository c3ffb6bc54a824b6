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

use std::fmt::Display;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::auth::Keys;
use crate::auth::tokens::{self, Subject};
use crate::clock::Clock;
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
/// The size of the response cache, in MiB. Tests request few pages.
const RESPONSE_CACHE_MIB: u32 = 8;

/// The settings of a server.
#[derive(Debug)]
pub struct Options {
    /// The seeds, each the name of a bundled seed or a file; they are applied in this order.
    pub seeds: Vec<String>,
    /// The edition of the API.
    pub edition: Edition,
    /// The time at which the server's clock stands still, in seconds since 1970; `None` means the system's clock.
    pub clock: Option<i64>,
}

impl Default for Options {
    /// Returns the settings of an empty server of the `current` edition with the system's clock.
    fn default() -> Self {
        Self {
            seeds: Vec::new(),
            edition: Edition::Current,
            clock: None,
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
    /// Starts a server of the `current` edition with a seed: the name of a bundled one, or a file.
    ///
    /// # Errors
    ///
    /// Fails if the seed is refused or the server cannot be started.
    pub fn start(seed: &str) -> Result<Self, Error> {
        Self::with(&Options {
            seeds: vec![seed.to_owned()],
            ..Options::default()
        })
    }

    /// Starts a server, which accepts requests when this returns. The admin API is on.
    ///
    /// # Errors
    ///
    /// Fails if a seed is refused or the server cannot be started.
    pub fn with(options: &Options) -> Result<Self, Error> {
        let seeds = options
            .seeds
            .iter()
            .map(|name| Source::parse(name))
            .collect::<Result<Vec<_>, _>>()
            .map_err(Error::new)?;
        let clock = options.clock.map_or_else(Clock::system, Clock::still);
        let Ephemeral {
            store,
            start,
            folder,
        } = Ephemeral::new(None, &seeds, clock.now()).map_err(Error::new)?;
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

    /// Returns a token of the user with that guid, without `bearer`. A user that the data does not hold sees nothing.
    ///
    /// # Errors
    ///
    /// Fails if the token cannot be signed.
    pub fn token(&self, user: &str) -> Result<String, Error> {
        self.sign(&Subject::user(user, None), &tokens::user_scopes())
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
