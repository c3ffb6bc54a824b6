//! `serve`: the database, its seeds, its keys, the server.

mod data;
mod flags;
mod terminal;

use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::{TcpListener, TcpSocket};
use tokio::signal::unix::{SignalKind, signal};

use super::CommandError;
use crate::auth::{Keys, Login};
use crate::caller::Caller;
use crate::clock::Clock;
use crate::http::Router;
use crate::service::{Authentication, Service, ServiceOptions};
use crate::{log, server};
use data::OpenedData;
pub use flags::Args;
use flags::Settings;

/// Serves until SIGTERM or SIGINT.
pub fn run(args: Args) -> Result<(), CommandError> {
    let settings = Settings::from_args(args)?;
    log::start(settings.log);
    let clock = settings.clock.map_or_else(Clock::system, Clock::still);
    let OpenedData {
        store,
        admin_api,
        folder,
    } = data::open(&settings, clock.now())?;
    let keys = {
        let (given, public) = (settings.token_keys.clone(), settings.public_keys.clone());
        store.read_blocking(move |db| Keys::load(db, given, &public))?
    };
    if let Some(file) = &settings.admin_token_file {
        terminal::write_admin_token(file, &keys, &clock)?;
    }
    let hint = terminal::StartupHint::new(&settings, &keys, &clock)?;
    let service = Arc::new(Service::new(
        store,
        ServiceOptions {
            authentication: if settings.no_auth {
                Authentication::As(Caller::Everything)
            } else {
                Authentication::Tokens(keys)
            },
            clock,
            edition: settings.edition,
            external_url: settings.external_url,
            response_cache_mib: settings.cache_size,
            login: settings.logins.map(|logins| Login {
                password: logins.password,
                ttl: logins.ttl,
            }),
            admin_api,
            delay: settings.delay,
        },
    ));

    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| CommandError::Failed(format!("no threads to serve with: {error}")))?;
    let served = runtime.block_on(async {
        let unusable = |error: io::Error| {
            let text = crate::error_text::os_error(&error);
            CommandError::Failed(format!(
                "cannot listen on `{}`: {text}; name another with `--listen`",
                settings.listen
            ))
        };
        let listener = listen(settings.listen).map_err(unusable)?;
        let address = listener.local_addr().map_err(unusable)?;
        let stop = stop_signal(settings.exit_with_stdin)?;
        // The one line on stdout: programs wait for it and read the port from it.
        let mut stdout = io::stdout().lock();
        writeln!(stdout, "listening on http://{address}").and_then(|()| stdout.flush())?;
        drop(stdout);
        hint.show(address);
        server::serve(listener, Router::new(service.clone()), stop).await;
        Ok(())
    });
    // Whatever is still running holds the data; it ends with its runtime.
    drop(runtime);
    if let Some(service) = Arc::into_inner(service) {
        service.store.close()?;
    }
    drop(folder);
    served
}

/// Room for clients that ask for all pages at once: whoever finds no room waits a second to try again.
const BACKLOG: u32 = 1024;

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4(),
        SocketAddr::V6(_) => TcpSocket::new_v6(),
    }?;
    // A server that was just stopped does not keep the port.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Completes at the first SIGTERM or SIGINT, or when standard input ends, if that is wanted.
fn stop_signal(with_stdin: bool) -> Result<impl Future<Output = ()>, CommandError> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    // Its sender is dropped at the end of standard input; without that it is kept.
    let (open, mut closed) = tokio::sync::mpsc::channel::<()>(1);
    let kept = if with_stdin {
        // A thread of its own, since a read of standard input cannot be broken off.
        std::thread::spawn(move || {
            let _ = io::copy(&mut io::stdin(), &mut io::sink());
            drop(open);
        });
        None
    } else {
        Some(open)
    };
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            _ = closed.recv() => {}
        }
        drop(kept);
    })
}
