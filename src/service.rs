//! What the handlers of one server share: the data, the keys, the clock, the edition, the caches, the fault rules.

pub mod failures;
pub mod fault_rules;
mod finisher;
pub mod metrics;
pub mod request_records;
mod turns;
pub mod web_pages;

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{Notify, Semaphore, watch};

use crate::auth::guesses::Guesses;
use crate::auth::{Identity, Keys, Login, TokenFault};
use crate::caller::Caller;
use crate::clock::{self, Clock, system_now};
use crate::edition::{BaseUrl, Edition};
use crate::listing::ListCache;
use crate::listing::response_cache::ResponseCache;
use crate::log;
use crate::store::Store;
use failures::Failures;
use fault_rules::FaultRules;
use metrics::Metrics;
use request_records::RequestRecords;
use turns::Turns;
use web_pages::WebPages;

/// How many exports are sent at the same time; further ones wait. Each keeps a snapshot open until its client has
/// received it, and the write-ahead log cannot shrink while it is open.
const CONCURRENT_EXPORTS: usize = 2;

/// One server: its data and its settings.
#[derive(Debug)]
pub struct Service {
    /// The data.
    pub store: Store,
    /// How callers are identified.
    pub authentication: Authentication,
    /// The time that new entries get and that the expiry of tokens is compared with.
    pub clock: Clock,
    /// The edition of the API that is served.
    pub edition: Edition,
    /// The base of absolute hrefs; `None` means the request's `Host`.
    pub external_url: Option<BaseUrl>,
    /// Whether hrefs may repeat what a proxy says of the requested URL.
    pub trust_proxy: bool,
    /// The hosts that the server answers for, and the web pages that may use it.
    pub web_pages: WebPages,
    /// The cached ids of lists.
    pub list_cache: Arc<ListCache>,
    /// The cached bytes of responses.
    pub response_cache: ResponseCache,
    /// How many bytes the entries of an uploaded archive may have together, uncompressed.
    pub max_upload: u64,
    /// The login, if clients can log in.
    pub login: Option<LoginEndpoint>,
    /// What the admin API may do.
    pub admin_api: AdminApi,
    /// Whether browsers get a page.
    pub ui: bool,
    /// The fault rules that tests added.
    pub fault_rules: FaultRules,
    /// The last requests, if the admin API shows them.
    pub requests: Option<RequestRecords>,
    /// The format in which requests are logged; `None` if they are not.
    pub request_log: Option<log::Format>,
    /// What is counted for the metrics, if they are served.
    pub metrics: Option<Metrics>,
    /// How long every response of the API is delayed.
    pub delay: Duration,
    /// How long uploads, copies and jobs take.
    pub processing: Duration,
    /// How long builds take; `None` if only the admin API says how they end.
    pub staging: Option<Duration>,
    /// Wakes the task that finishes what is due, after a change.
    pub something_is_due: Notify,
    /// One permit: writes run one after the other, so that those who wait take no thread.
    pub writes: Arc<Semaphore>,
    /// The pauses between the steps of large uploads.
    pub turns: Turns,
    /// One permit: one document is compressed at a time.
    pub compressing: Arc<Semaphore>,
    /// The OpenAPI document in gzip, once a client has asked for it; `None` if that is not shorter.
    pub openapi_in_gzip: OnceLock<Option<Bytes>>,
    /// One permit for each export that is being sent.
    pub exports: Arc<Semaphore>,
    /// Whether the server is stopping.
    stopping: watch::Sender<bool>,
    /// The documents that could not be read, by a fault of the database.
    pub failures: Failures,
}

/// The settings of a [`Service`].
#[derive(Debug)]
pub struct ServiceOptions {
    /// How callers are identified.
    pub authentication: Authentication,
    /// The server's clock.
    pub clock: Clock,
    /// The edition of the API.
    pub edition: Edition,
    /// The base of absolute hrefs; `None` means the request's `Host`.
    pub external_url: Option<BaseUrl>,
    /// Whether hrefs may repeat what a proxy says of the requested URL.
    pub trust_proxy: bool,
    /// The hosts that the server answers for, and the web pages that may use it.
    pub web_pages: WebPages,
    /// The size of the response cache in MiB; 0 disables it.
    pub response_cache_mib: u32,
    /// How many bytes the entries of an uploaded archive may have together, uncompressed.
    pub max_upload: u64,
    /// The login, if clients can log in.
    pub login: Option<Login>,
    /// What the admin API may do.
    pub admin_api: AdminApi,
    /// Whether browsers get a page.
    pub ui: bool,
    /// The format in which requests are logged; `None` if they are not.
    pub request_log: Option<log::Format>,
    /// Whether requests are counted for the metrics.
    pub metrics: bool,
    /// How long every response of the API is delayed.
    pub delay: Duration,
    /// How long uploads, copies and jobs take.
    pub processing: Duration,
    /// How long builds take; `None` if only the admin API says how they end.
    pub staging: Option<Duration>,
}

impl Default for ServiceOptions {
    /// Returns the options of a server of `2015` that accepts no token, answers for every host, caches no response, and has
    /// no admin API and no page.
    fn default() -> Self {
        Self {
            authentication: Authentication::RefuseAll,
            clock: Clock::system(),
            edition: Edition::default(),
            external_url: None,
            trust_proxy: false,
            web_pages: WebPages::default(),
            response_cache_mib: 0,
            max_upload: 512 << 20,
            login: None,
            admin_api: AdminApi::Off,
            ui: false,
            request_log: None,
            metrics: false,
            delay: Duration::ZERO,
            processing: Duration::ZERO,
            staging: None,
        }
    }
}

/// How callers are identified.
#[derive(Debug)]
pub enum Authentication {
    /// By a token that one of these keys verifies.
    Tokens(Keys),
    /// Every request is this caller's, with or without a token.
    As(Caller),
    /// Every request is refused as if it had no token.
    RefuseAll,
}

/// What the admin API may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AdminApi {
    /// The routes do not exist.
    Off,
    /// Everything except `reset`: the database is the user's own file.
    On,
    /// Everything: the database is temporary.
    Ephemeral {
        /// A copy of the database as it was when the server started.
        start: PathBuf,
    },
}

/// A login that is served, and the wrong passwords that were tried.
#[derive(Debug)]
pub struct LoginEndpoint {
    /// The password and the lifetime of tokens.
    pub login: Login,
    /// The wrong passwords of the last seconds.
    pub guesses: Guesses,
}

impl Service {
    /// Returns a service over `store`. `serve`, `get`, the test helper and the tests all use this constructor.
    pub fn new(store: Store, options: ServiceOptions) -> Self {
        Self {
            store,
            authentication: options.authentication,
            clock: options.clock,
            edition: options.edition,
            external_url: options.external_url,
            trust_proxy: options.trust_proxy,
            web_pages: options.web_pages,
            list_cache: Arc::new(ListCache::default()),
            response_cache: ResponseCache::new(options.response_cache_mib),
            max_upload: options.max_upload,
            login: options.login.map(|login| LoginEndpoint {
                login,
                guesses: Guesses::default(),
            }),
            requests: (options.admin_api != AdminApi::Off).then(RequestRecords::default),
            request_log: options.request_log,
            metrics: options.metrics.then(Metrics::default),
            admin_api: options.admin_api,
            ui: options.ui,
            fault_rules: FaultRules::default(),
            delay: options.delay,
            processing: options.processing,
            staging: options.staging,
            something_is_due: Notify::new(),
            writes: Arc::new(Semaphore::new(1)),
            turns: Turns::default(),
            compressing: Arc::new(Semaphore::new(1)),
            openapi_in_gzip: OnceLock::new(),
            exports: Arc::new(Semaphore::new(CONCURRENT_EXPORTS)),
            stopping: watch::Sender::new(false),
            failures: Failures::default(),
        }
    }

    /// Records that the server stops.
    pub fn stop(&self) {
        self.stopping.send_replace(true);
    }

    /// Completes when the server stops.
    pub async fn stopped(&self) {
        let is_stopping = self
            .stopping
            .subscribe()
            .wait_for(|stopping| *stopping)
            .await
            .is_ok();
        assert!(is_stopping, "the sender lives as long as `self`");
    }

    /// Returns the keys that tokens are verified with, if tokens are used.
    pub fn keys(&self) -> Option<&Keys> {
        match &self.authentication {
            Authentication::Tokens(keys) => Some(keys),
            Authentication::As(_) | Authentication::RefuseAll => None,
        }
    }

    /// Whether anything needs to know what was requested.
    pub fn observes_requests(&self) -> bool {
        self.request_log.is_some() || self.requests.is_some() || self.metrics.is_some()
    }

    /// Identifies the caller by the values of all `Authorization` headers of a request.
    ///
    /// # Errors
    ///
    /// Fails with the errors of [`Keys::try_identify`].
    pub fn authenticate(&self, authorization: &[&[u8]]) -> Result<Identity, TokenFault> {
        self.authenticate_at(authorization, self.clock.now())
    }

    /// Identifies the caller of the admin API. A token is accepted if it is valid by the server's clock or by the
    /// system's clock, so that a test that moves the server's clock can move it back.
    ///
    /// # Errors
    ///
    /// Fails with the errors of [`Keys::try_identify`].
    pub fn authenticate_admin(&self, authorization: &[&[u8]]) -> Result<Identity, TokenFault> {
        self.authenticate(authorization)
            .or_else(|_| self.authenticate_at(authorization, system_now()))
    }

    fn authenticate_at(&self, authorization: &[&[u8]], now: i64) -> Result<Identity, TokenFault> {
        match &self.authentication {
            Authentication::Tokens(keys) => {
                keys.try_identify(authorization, now, self.edition.access_rules())
            }
            Authentication::RefuseAll => Err(TokenFault::NoToken),
            Authentication::As(caller) => {
                Ok(Identity::without_token(caller, self.edition.access_rules()))
            }
        }
    }

    /// Returns why a token was refused, for the log. If that depends on the time, also what the server's clock shows.
    pub fn describe(&self, fault: &TokenFault) -> String {
        if !fault.depends_on_clock() {
            return fault.to_string();
        }
        let (now, system) = (self.clock.now(), system_now());
        let now = clock::format(now);
        if self.clock.is_system() {
            return format!("{fault}, and it is {now}");
        }
        let system = clock::format(system);
        format!(
            "{fault}, and the server's clock, which `--clock` or the admin API set, shows {now} (the system's: {system})"
        )
    }
}
