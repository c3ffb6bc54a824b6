//! `serve`: the database, its seeds, its keys, the server.

mod data;
mod flags;
mod terminal;

use std::io::{self, Write};
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use super::Failure;
use crate::auth::Keys;
use crate::clock::Clock;
use crate::http::{Edge, Service};
use crate::listing::Landmarks;
use crate::listing::rendered::Rendered;
use crate::{log, server};
pub use flags::Args;
use flags::Settings;

/// Serves until SIGTERM or SIGINT.
pub fn run(args: Args) -> Result<(), Failure> {
    let settings = Settings::from_args(args)?;
    log::start(settings.log);
    let clock = settings.clock.map_or_else(Clock::system, Clock::still);
    let store = data::open(&settings, clock.now())?;
    let keys = {
        let (given, public) = (settings.token_keys.clone(), settings.public_keys.clone());
        store.read_blocking(move |db| Keys::load(db, given, &public))?
    };
    if let Some(file) = &settings.admin_token_file {
        terminal::write_admin_token(file, &keys, &clock)?;
    }
    let paste = terminal::Paste::new(&settings, &keys, &clock)?;
    let service = Arc::new(Service {
        store,
        keys: (!settings.no_auth).then_some(keys),
        clock,
        edition: settings.edition,
        site: settings.site,
        landmarks: Arc::new(Landmarks::default()),
        rendered: Rendered::new(settings.cache_size),
    });

    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::Failed(format!("no threads to serve with: {error}")))?;
    let served = runtime.block_on(async {
        let unusable = |error: io::Error| {
            let text = crate::store::plain_error(&error);
            Failure::Failed(format!(
                "cannot listen on `{}`: {text}; name another with `--listen`",
                settings.listen
            ))
        };
        let listener = TcpListener::bind(settings.listen).await.map_err(unusable)?;
        let address = listener.local_addr().map_err(unusable)?;
        let stop = stop_signal()?;
        // The one line on stdout: programs wait for it and read the port from it.
        let mut stdout = io::stdout().lock();
        writeln!(stdout, "listening on http://{address}").and_then(|()| stdout.flush())?;
        drop(stdout);
        paste.show(address);
        server::serve(listener, Edge::new(service.clone()), stop).await;
        Ok(())
    });
    // Whatever is still running holds the data; it ends with its runtime.
    drop(runtime);
    if let Some(service) = Arc::into_inner(service) {
        service.store.close()?;
    }
    served
}

/// Completes at the first SIGTERM or SIGINT.
fn stop_signal() -> Result<impl Future<Output = ()>, Failure> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
