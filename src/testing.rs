//! A server in the process of a test: on a free port, with a seed, gone when it is dropped.
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

use std::fmt;
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
use crate::service::{AdminApi, Authentication, Service, ServiceOptions};

/// Why a server did not start, or a token was not made: one sentence.
#[derive(Debug)]
pub struct Error(String);

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Error {}

/// Any other error's sentence.
fn told(error: impl fmt::Display) -> Error {
    Error(error.to_string())
}

/// How long a token lives.
const TTL: Duration = Duration::from_secs(24 * 60 * 60);
/// Memory for response_cache pages, in MiB: a test has few.
const RESPONSE_CACHE_MIB: u32 = 8;

/// What a server is started with.
#[derive(Debug)]
pub struct Options {
    /// A bundled name or a file, each; applied in this order.
    pub seeds: Vec<String>,
    /// The edition of the API.
    pub edition: Edition,
    /// The second since 1970 at which the server's clock stands still; `None`: the system's clock.
    pub clock: Option<i64>,
}

impl Default for Options {
    /// No data, the edition of today's clients, the system's clock.
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
    /// A server of the `current` edition with that seed: a bundled name or a file.
    pub fn start(seed: &str) -> Result<Self, Error> {
        Self::with(&Options {
            seeds: vec![seed.to_owned()],
            ..Options::default()
        })
    }

    /// A server as the options say. It answers when this returns; `/admin/*` is served.
    pub fn with(options: &Options) -> Result<Self, Error> {
        let seeds = options
            .seeds
            .iter()
            .map(|name| Source::parse(name))
            .collect::<Result<Vec<_>, _>>()
            .map_err(told)?;
        let clock = options.clock.map_or_else(Clock::system, Clock::still);
        let Ephemeral {
            store,
            start,
            folder,
        } = Ephemeral::new(None, &seeds, clock.now()).map_err(told)?;
        let keys = store
            .read_blocking(|db| Keys::load(db, Vec::new(), &[]))
            .map_err(told)?;
        let service = Arc::new(Service::new(
            store,
            ServiceOptions {
                authentication: Authentication::Tokens(keys),
                clock,
                edition: options.edition,
                response_cache_mib: RESPONSE_CACHE_MIB,
                admin_api: AdminApi::Ephemeral { start },
                ..ServiceOptions::default()
            },
        ));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(told)?;
        let listener = runtime
            .block_on(TcpListener::bind("127.0.0.1:0"))
            .map_err(told)?;
        let url = format!("http://{}", listener.local_addr().map_err(told)?);
        let router = Router::new(service.clone());
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = std::thread::Builder::new()
            .name("cf-packages".into())
            .spawn(move || {
                runtime.block_on(server::serve(listener, router, async {
                    let _ = stopped.await;
                }));
                drop(runtime);
                drop(folder);
            })
            .map_err(told)?;
        Ok(Self {
            url,
            service,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Scheme, host and port: `http://127.0.0.1:PORT`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A token of that user, given by guid; one that the data does not know sees nothing.
    pub fn token(&self, user: &str) -> Result<String, Error> {
        self.mint(&Subject::user(user, None), &tokens::user_scopes())
    }

    /// A token that reads and writes everything.
    pub fn admin_token(&self) -> Result<String, Error> {
        self.mint(&Subject::admin(), &tokens::admin_scopes())
    }

    fn mint(&self, subject: &Subject, scopes: &[String]) -> Result<String, Error> {
        let Some(keys) = self.service.keys() else {
            return Err(told("the server takes no tokens"));
        };
        tokens::access(keys, &self.service.clock, subject, scopes, TTL)
            .map(|token| token.text)
            .map_err(told)
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
