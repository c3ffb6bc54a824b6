//! A connection for a thread that may wait, but not for a server that has stopped without closing its connections.
//!
//! Such a server's machine still acknowledges what it gets, so that no limit of TCP applies.

use std::cell::Cell;
use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use ::postgres::types::ToSql;
use ::postgres::{Error, NoTls, Row, Statement};
use bytes::Bytes;
use futures_util::SinkExt;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_postgres::{CancelToken, Config};

use super::errors::Failure;
use super::tls::Tls;
use crate::store::StoreError;

/// How long a server may take for each of its hosts to log a user in, after it has accepted the connection.
const LOGIN_TIME: Duration = Duration::from_secs(5);
/// How long a statement runs before the server is asked whether it still answers.
const PATIENCE: Duration = Duration::from_secs(10);
/// How much longer than the limit of a statement its answer may take.
const MARGIN: Duration = Duration::from_secs(5);
/// How long the end of a connection may take.
const END_TIME: Duration = Duration::from_secs(1);

/// How a connection to a server is made.
#[derive(Clone)]
pub(super) struct Endpoint {
    pub config: Config,
    /// `None`: without encryption.
    pub tls: Option<Tls>,
}

impl Endpoint {
    /// Makes a connection that the current runtime serves until the client is dropped.
    ///
    /// # Errors
    ///
    /// Fails if the server refuses it, or does not answer in time: `connect_timeout` is that of accepting a connection alone.
    ///
    /// # Panics
    ///
    /// Panics outside a tokio runtime.
    pub(super) async fn connect(
        &self,
    ) -> Result<(tokio_postgres::Client, JoinHandle<()>), Failure> {
        let connect = async {
            Ok(match &self.tls {
                Some(tls) => {
                    let (client, connection) = self.config.connect(tls.clone()).await?;
                    (client, serve(connection))
                }
                None => {
                    let (client, connection) = self.config.connect(NoTls).await?;
                    (client, serve(connection))
                }
            })
        };
        answer_in(self.connect_time(), connect).await
    }

    /// Asks the server to end the statement that `token` is of. It may have ended by then.
    pub(super) fn cancel(&self, token: &CancelToken) {
        let cancel = async {
            match &self.tls {
                Some(tls) => token.cancel_query(tls.clone()).await,
                None => token.cancel_query(NoTls).await,
            }
        };
        if let Ok(runtime) = runtime() {
            let _ = runtime.block_on(answer_in(self.connect_time(), cancel));
        }
    }

    fn connect_time(&self) -> Duration {
        let accept_time = self.config.get_connect_timeout();
        let hosts = self.config.get_hosts().len().max(1);
        let hosts = u32::try_from(hosts).unwrap_or(u32::MAX);
        (accept_time.copied().unwrap_or_default() + LOGIN_TIME).saturating_mul(hosts)
    }
}

/// Serves a connection until its client is dropped. Its error is that of the statements.
fn serve(connection: impl Future<Output = Result<(), Error>> + Send + 'static) -> JoinHandle<()> {
    tokio::spawn(async {
        let _ = connection.await;
    })
}

/// Waits that long for an answer of the server.
async fn answer_in<T>(
    time: Duration,
    answer: impl Future<Output = Result<T, Error>>,
) -> Result<T, Failure> {
    match timeout(time, answer).await {
        Ok(answer) => answer.map_err(Failure::Server),
        Err(_) => Err(Failure::Silence),
    }
}

fn runtime() -> Result<Runtime, StoreError> {
    let built = Builder::new_current_thread().enable_all().build();
    built.map_err(|error| StoreError::Postgres(format!("no connection can be made: {error}")))
}

/// A connection. Its methods fail with [`Failure::Silence`] once its server takes no other connection any more either.
pub(super) struct Client {
    endpoint: Endpoint,
    runtime: Runtime,
    /// `None` once it is being dropped.
    client: Option<tokio_postgres::Client>,
    connection: JoinHandle<()>,
    /// How long the server lets a statement run, if it has a limit.
    limit: Cell<Option<Duration>>,
    /// Whether the server was found to have stopped, or this connection. Then nothing is asked any more.
    is_silent: Cell<bool>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

impl Client {
    /// Makes a connection.
    ///
    /// # Panics
    ///
    /// Panics within a tokio runtime.
    pub(super) fn connect(endpoint: Endpoint) -> Result<Self, StoreError> {
        let runtime = runtime()?;
        let connected = runtime.block_on(endpoint.connect());
        let (client, connection) = connected.map_err(|failure| failure.connect_error())?;
        Ok(Self {
            endpoint,
            runtime,
            client: Some(client),
            connection,
            limit: Cell::new(None),
            is_silent: Cell::new(false),
        })
    }

    /// Notes how long the server lets a statement run from now on. A connection that gives no answer for some seconds
    /// more counts as lost, although the server may take others.
    pub(super) fn set_limit(&self, limit: Duration) {
        self.limit.set(Some(limit));
    }

    /// Runs statements without parameters, and drops their results.
    pub(super) fn batch_execute(&self, sql: &str) -> Result<(), Failure> {
        self.wait(self.client().batch_execute(sql))
    }

    pub(super) fn prepare(&self, sql: &str) -> Result<Statement, Failure> {
        self.wait(self.client().prepare(sql))
    }

    /// Runs a statement that is not kept, and returns its rows.
    pub(super) fn query_once(&self, sql: &str) -> Result<Vec<Row>, Failure> {
        self.wait(self.client().query(sql, &[]))
    }

    pub(super) fn query(
        &self,
        statement: &Statement,
        values: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, Failure> {
        self.wait(self.client().query(statement, values))
    }

    /// Runs a statement, and returns how many rows it changed.
    pub(super) fn execute(
        &self,
        statement: &Statement,
        values: &[&(dyn ToSql + Sync)],
    ) -> Result<u64, Failure> {
        self.wait(self.client().execute(statement, values))
    }

    /// Runs a `copy … from stdin` with that input.
    pub(super) fn copy_in(&self, statement: &str, input: Vec<u8>) -> Result<(), Failure> {
        self.wait(async {
            let mut sink = pin!(self.client().copy_in(statement).await?);
            // A failure to send is that of the connection or the server, which the end reports.
            let _: Result<(), Error> = sink.send(Bytes::from(input)).await;
            sink.finish().await.map(drop)
        })
    }

    /// Returns what cancels the running statement from another thread.
    pub(super) fn cancel_token(&self) -> CancelToken {
        self.client().cancel_token()
    }

    /// Whether the connection is known to be gone.
    pub(super) fn is_closed(&self) -> bool {
        self.is_silent.get() || self.client().is_closed()
    }

    /// Waits for an answer for as long as the server takes new connections, or refuses them.
    fn wait<T>(&self, answer: impl Future<Output = Result<T, Error>>) -> Result<T, Failure> {
        if self.is_silent.get() {
            return Err(Failure::Silence);
        }
        self.runtime.block_on(async {
            let mut answer = pin!(answer);
            if let Some(limit) = self.limit.get() {
                return match timeout(limit + MARGIN, answer).await {
                    Ok(answer) => answer.map_err(Failure::Server),
                    Err(_) => {
                        self.is_silent.set(true);
                        Err(Failure::Silence)
                    }
                };
            }
            loop {
                if let Ok(answer) = timeout(PATIENCE, &mut answer).await {
                    return answer.map_err(Failure::Server);
                }
                tokio::select! {
                    answer = &mut answer => return answer.map_err(Failure::Server),
                    other = self.endpoint.connect() => {
                        if let Err(Failure::Silence) = other {
                            self.is_silent.set(true);
                            return Err(Failure::Silence);
                        }
                    }
                }
            }
        })
    }

    fn client(&self) -> &tokio_postgres::Client {
        let client = self.client.as_ref();
        client.expect("it is there until the connection is dropped")
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // The connection ends when its client is dropped, and then says so to the server.
        drop(self.client.take());
        let connection = &mut self.connection;
        let _ = self
            .runtime
            .block_on(async { timeout(END_TIME, connection).await });
    }
}
