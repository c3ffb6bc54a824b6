//! The version of the data at this moment: one question to the server for all requests that wait for it.
//!
//! A request that asks gets the answer to a question that was sent after it asked, so that it never sees a version of the
//! time before. While a question is under way, those that ask wait for the next one. So at most one is under way.
//!
//! The questions are asked on the async threads of those who ask, since a cached response would cost less than handing
//! over to a thread of its own and back.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;
use tokio_postgres::{Client, Statement};

use super::connect::ServerAddress;
use super::errors::store_error;
use super::history::{StoredVersion, TableFiles};
use super::origin::{Origin, Position};
use crate::store::StoreError;

/// How long the question waits for a lock of another session.
const LOCK_TIME: Duration = Duration::from_secs(1);
/// How long the question may take at the server. The server ends it then, so that no question is left there.
const STATEMENT_TIME: Duration = Duration::from_secs(4);
/// How long an answer may take. Only a server that has stopped takes as long.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why there is no version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoVersion {
    /// The server does not answer.
    Silence,
    /// It refuses to, or the connection was lost.
    Failure,
}

/// Who waits for the version.
type Asker = oneshot::Sender<Result<Position, NoVersion>>;

/// The question, and those who wait for its answer.
pub(super) struct VersionCheck {
    server: Arc<ServerAddress>,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    waiting: Vec<Asker>,
    /// Whether a task asks for those that wait.
    is_asking: bool,
    /// The connection, while no task uses it.
    connection: Option<Connection>,
}

/// A connection that has prepared the question.
struct Connection {
    client: Client,
    question: Statement,
    /// Where the data comes from, if pages may be read from standbys, and the files for which that was found out. A server
    /// that takes over from another one ends no connection of its own, but the server that it takes over from has ended
    /// its own.
    origin: Option<(TableFiles, Origin)>,
}

impl fmt::Debug for VersionCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VersionCheck").finish_non_exhaustive()
    }
}

impl VersionCheck {
    pub(super) fn new(server: &Arc<ServerAddress>) -> Self {
        Self {
            server: server.clone(),
            state: Arc::default(),
        }
    }

    /// Returns the version of a state that is not older than this call.
    ///
    /// # Panics
    ///
    /// Panics outside a tokio runtime.
    pub(super) async fn ask(&self) -> Result<Position, NoVersion> {
        let (sender, receiver) = oneshot::channel();
        if let Some(asking) = self.wait_with(sender) {
            tokio::spawn(answer(self.server.clone(), asking));
        }
        receiver.await.unwrap_or(Err(NoVersion::Failure))
    }

    /// Adds one that waits. Returns the right to ask, unless a task has it.
    fn wait_with(&self, asker: Asker) -> Option<Asking> {
        let mut state = locked(&self.state);
        state.waiting.push(asker);
        let is_asking = std::mem::replace(&mut state.is_asking, true);
        (!is_asking).then(|| Asking {
            state: self.state.clone(),
            is_done: false,
        })
    }
}

fn locked(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The right to ask. If it is dropped early, as with the runtime of its task, those that wait get no answer, and the next
/// request starts another task.
struct Asking {
    state: Arc<Mutex<State>>,
    is_done: bool,
}

impl Asking {
    /// Returns those that wait. `None`: there are none, and the next request starts another task, with this connection.
    fn take_waiting(&mut self, connection: &mut Option<Connection>) -> Option<Vec<Asker>> {
        let mut state = locked(&self.state);
        if state.waiting.is_empty() {
            state.connection = connection.take();
            state.is_asking = false;
            self.is_done = true;
            return None;
        }
        Some(std::mem::take(&mut state.waiting))
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        if !self.is_done {
            let mut state = locked(&self.state);
            state.waiting.clear();
            state.is_asking = false;
        }
    }
}

/// Asks until no request waits.
async fn answer(server: Arc<ServerAddress>, mut asking: Asking) {
    let mut connection = locked(&asking.state).connection.take();
    while let Some(askers) = asking.take_waiting(&mut connection) {
        // A request that asks from now on gets the answer to the next question.
        let position = match timeout(PATIENCE, ask(&server, &mut connection)).await {
            Ok(position) => position.map_err(|_| NoVersion::Failure),
            Err(_) => {
                connection = None;
                Err(NoVersion::Silence)
            }
        };
        for asker in askers {
            // Fails if the client has gone.
            let _ = asker.send(position);
        }
    }
}

/// Asks once, and again on a new connection if the kept one was lost.
async fn ask(
    server: &ServerAddress,
    kept: &mut Option<Connection>,
) -> Result<Position, StoreError> {
    if let Some(connection) = kept {
        match connection.ask(server).await {
            Err(_) if connection.client.is_closed() => *kept = None,
            answer => return answer,
        }
    }
    let connection = kept.insert(Connection::open(server).await?);
    connection.ask(server).await
}

impl Connection {
    async fn open(server: &ServerAddress) -> Result<Self, StoreError> {
        let client = server.connect_on_runtime().await?;
        let limits = format!(
            "set statement_timeout = {}; set lock_timeout = {}",
            STATEMENT_TIME.as_millis(),
            LOCK_TIME.as_millis()
        );
        let limited = client.batch_execute(&limits).await;
        limited.map_err(|error| store_error(&error))?;
        let question = client.prepare(StoredVersion::SQL).await;
        Ok(Self {
            question: question.map_err(|error| store_error(&error))?,
            client,
            origin: None,
        })
    }

    async fn ask(&mut self, server: &ServerAddress) -> Result<Position, StoreError> {
        let row = self.client.query_one(&self.question, &[]).await;
        let stored = StoredVersion::of_row(&row.map_err(|error| store_error(&error))?)?;
        Ok(Position {
            version: server.histories().version(stored),
            stored,
            origin: if server.replicas().is_empty() {
                None
            } else {
                self.origin(stored.files()).await
            },
        })
    }

    /// Returns where the data in these files comes from. `None`: the server does not tell, and pages are read from the primary.
    async fn origin(&mut self, files: TableFiles) -> Option<Origin> {
        if let Some((known, origin)) = self.origin
            && known == files
        {
            return Some(origin);
        }
        let sql = format!("select {}", Origin::COLUMNS);
        let row = self.client.query_one(&sql, &[]).await.ok()?;
        let origin = Origin::of_row(&row, 0).ok()?;
        self.origin = Some((files, origin));
        Some(origin)
    }
}
