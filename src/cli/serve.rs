//! `serve`: opens the database, applies the seeds, loads the keys, and serves.

mod admin_token;
mod data;
mod flags;
mod terminal;

use std::io::{self, Write};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use tracing::{info, warn};

use super::CommandError;
use crate::auth::{Keys, Login};
use crate::bundle::Bundle;
use crate::caller::Caller;
use crate::error_text::os_error;
use crate::http::Router;
use crate::log::LogGuard;
use crate::server::{Address, Listener};
use crate::service::{Authentication, Service, ServiceOptions};
use crate::store::Closed;
use crate::{log, server, signals};
use admin_token::{UnwrittenToken, refuse_other_file};
use data::OpenedData;
pub use flags::Args;
use flags::{MetricsSettings, Settings};
use terminal::StartupHint;

/// How long after it was asked to stop the process ends, whatever is still running. It has to end within ten seconds.
const EXIT_WITHIN: Duration = Duration::from_millis(9700);
/// How often a server that stops looks whether anything still uses its data.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Serves until SIGTERM or SIGINT.
pub fn run(args: Args, bundle: Option<&Bundle>) -> Result<(), CommandError> {
    match prepare_and_serve(args, bundle) {
        // A signal stopped it before it listened. That is no failure of a server.
        Err(_) if signals::received().is_some() => Ok(()),
        ended => ended,
    }
}

fn prepare_and_serve(args: Args, bundle: Option<&Bundle>) -> Result<(), CommandError> {
    let settings = Settings::from_args(args, bundle.is_some())?;
    server::raise_file_limit().map_err(CommandError::Failed)?;
    // Dropped last, so that the last messages are written.
    let _log = start_log(&settings)?;
    if let Some(path) = &settings.admin_token_file {
        refuse_other_file(path)?;
    }
    let data = data::open(&settings, bundle)?;
    let keys = load_keys(&settings, &data)?;
    let admin_token = admin_token(&settings, &keys)?;
    let hint = StartupHint::new(&settings, &data.store, admin_token.as_ref())?;
    let (listen, with_stdin) = (settings.listen.clone(), settings.exit_with_stdin);
    let metrics = settings.metrics.clone();
    let (service, temporary_folder) = service(settings, data, keys);

    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| {
            let text = os_error(&error);
            CommandError::Failed(format!(
                "the threads to serve with cannot be started: {text}"
            ))
        })?;
    let served = runtime.block_on(serve(
        &service,
        listen,
        metrics,
        with_stdin,
        admin_token,
        &hint,
    ));
    let end = *served.as_ref().unwrap_or(&Instant::now()) + EXIT_WITHIN;
    // Ends what is still running, so that the store has no other user when it is closed.
    runtime.shutdown_timeout(end.saturating_duration_since(Instant::now()));
    let closed = close(service, end);
    drop(temporary_folder);
    served.and(closed)
}

fn start_log(settings: &Settings) -> Result<LogGuard, CommandError> {
    log::start(settings.log, settings.log_level).map_err(|error| {
        let text = os_error(&error);
        CommandError::Failed(format!(
            "the thread that writes the log cannot be started: {text}"
        ))
    })
}

/// Closes the database, unless that takes until `end`. A write or a read that does not end in time ends with the process,
/// as in a crash, which SQLite recovers from. A PostgreSQL server may have committed it.
fn close(service: Arc<Service>, end: Instant) -> Result<(), CommandError> {
    let outcome = service.store.outcome_of_unended_write();
    let Some(service) = sole_owner(service, end) else {
        warn!("a write did not end in time; {outcome}");
        return Ok(());
    };
    let path = service.store.path().to_owned();
    let (sender, closed) = mpsc::channel();
    thread::spawn(move || sender.send(service.store.close()));
    match closed.recv_timeout(end.saturating_duration_since(Instant::now())) {
        Ok(result) => {
            if let closed @ Closed::LogKept { .. } = result.map_err(|error| error.at(&path))? {
                warn!("{closed}");
            }
            Ok(())
        }
        Err(_) => {
            warn!("the database could not be closed in time; the next start recovers it");
            Ok(())
        }
    }
}

/// Returns the service once nothing else uses it, or `None` if something still does at `end`: a read that was broken off
/// just now takes a moment to end.
fn sole_owner(mut service: Arc<Service>, end: Instant) -> Option<Service> {
    loop {
        service = match Arc::try_unwrap(service) {
            Ok(service) => return Some(service),
            Err(shared) => shared,
        };
        if Instant::now() >= end {
            // The last owner closes the connections, which a server that does not answer may delay.
            std::mem::forget(service);
            return None;
        }
        thread::sleep(LOOK_EVERY);
    }
}

fn load_keys(settings: &Settings, data: &OpenedData) -> Result<Keys, CommandError> {
    let (secrets, public_keys) = (settings.token_keys.clone(), settings.public_keys.clone());
    data.store
        .read_blocking(move |snapshot| Keys::load(snapshot, secrets, &public_keys))
        .map_err(|error| CommandError::from_keys(error.at(data.store.path())))
}

/// Signs an admin's token for a file, if one was asked for, or if a command that reads it is shown.
fn admin_token(settings: &Settings, keys: &Keys) -> Result<Option<UnwrittenToken>, CommandError> {
    let path = settings.admin_token_file.as_deref();
    let is_shown = settings.shows_hints && !settings.no_auth;
    if path.is_none() && !is_shown {
        return Ok(None);
    }
    UnwrittenToken::new(path, keys, &settings.clock).map(Some)
}

/// Returns the service, and the folder of an ephemeral database.
fn service(
    settings: Settings,
    data: OpenedData,
    keys: Keys,
) -> (Arc<Service>, Option<crate::ephemeral::Folder>) {
    let options = ServiceOptions {
        authentication: if settings.no_auth {
            Authentication::As(Caller::Everything)
        } else {
            Authentication::Tokens(keys)
        },
        clock: settings.clock,
        edition: settings.edition,
        external_url: settings.external_url,
        trust_proxy: settings.trust_proxy,
        web_pages: settings.web_pages,
        response_cache_mib: settings.cache_size,
        max_upload: u64::from(settings.max_upload) << 20,
        login: settings.login.map(|login| Login {
            password: login.password,
            ttl: login.ttl,
        }),
        admin_api: data.admin_api,
        ui: settings.ui,
        metrics: settings.metrics.is_some(),
        request_log: settings.log_requests.then_some(settings.log),
        delay: settings.delay,
        processing: settings.processing,
        staging: settings.staging,
    };
    (Arc::new(Service::new(data.store, options)), data.folder)
}

/// Listens and serves, unless a signal was received before. Returns the moment at which the server was asked to stop.
async fn serve(
    service: &Arc<Service>,
    address: Address,
    metrics: Option<MetricsSettings>,
    with_stdin: bool,
    admin_token: Option<UnwrittenToken>,
    hint: &StartupHint,
) -> Result<Instant, CommandError> {
    let (listener, address) = listen(&address, "--listen").await?;
    if let Some(MetricsSettings {
        listen: address,
        web_pages,
    }) = metrics
    {
        let (listener, address) = listen(&Address::Tcp(address), "--metrics").await?;
        info!("metrics: {}/metrics", address.url());
        let router = Router::of_metrics(service.clone(), web_pages);
        tokio::spawn(server::serve_metrics(listener, router));
    }
    let Some(stop) = server::stop_signal(with_stdin) else {
        return Ok(Instant::now());
    };
    // Removed when this function returns.
    let _token_file = admin_token.map(UnwrittenToken::write).transpose()?;
    service.finish_what_was_due().await;
    // Programs wait for this line, and read the port from it.
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "listening on {}", address.url()).and_then(|()| stdout.flush())?;
    drop(stdout);
    hint.show(&address);
    let mut stopped_at = Instant::now();
    let stop = async {
        stop.await;
        stopped_at = Instant::now();
    };
    server::serve(listener, Router::new(service.clone()), stop).await;
    Ok(stopped_at)
}

/// Listens on `address`, which `flag` names. Returns also the address with the port that was chosen.
async fn listen(address: &Address, flag: &str) -> Result<(Listener, Address), CommandError> {
    let bound = async {
        let listener = Listener::bind(address).await?;
        let address = listener.address()?;
        Ok((listener, address))
    };
    bound.await.map_err(|error: io::Error| {
        let text = os_error(&error);
        CommandError::Failed(format!(
            "cannot listen on `{address}`: {text}; name another with `{flag}`"
        ))
    })
}
