//! The version of the data at this moment: one question to the server for all requests that wait for it.
//!
//! A request that asks gets the answer to a question that was sent after it asked, so that it never sees a version of the
//! time before. While a question is under way, those that ask wait for the next one. So at most one is under way.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};

use tokio::sync::oneshot;

use super::connect::ServerAddress;
use super::link::Link;
use super::origin::Position;
use super::readers::spawn;
use crate::store::StoreError;

/// Who waits for the version.
type Asker = oneshot::Sender<Option<Position>>;

/// The thread that asks.
#[derive(Debug)]
pub(super) struct VersionCheck {
    askers: Option<Sender<Asker>>,
    thread: Option<JoinHandle<()>>,
}

impl VersionCheck {
    /// Starts the thread. The origin of the data is asked for if pages may be read from standbys.
    pub(super) fn start(server: &Arc<ServerAddress>) -> Result<Self, StoreError> {
        let (askers, waiting) = channel();
        let link = Link::new(server, None);
        let with_origin = !server.replicas().is_empty();
        Ok(Self {
            askers: Some(askers),
            thread: Some(spawn("version-check", move || {
                answer(&waiting, link, with_origin);
            })?),
        })
    }

    /// Returns the version of a state that is not older than this call. `None` if the server cannot be asked.
    pub(super) async fn ask(&self) -> Option<Position> {
        let (sender, receiver) = oneshot::channel();
        self.askers.as_ref()?.send(sender).ok()?;
        receiver.await.ok().flatten()
    }
}

impl Drop for VersionCheck {
    fn drop(&mut self) {
        drop(self.askers.take());
        if let Some(thread) = self.thread.take()
            && thread.thread().id() != thread::current().id()
        {
            drop(thread.join());
        }
    }
}

/// Answers requests for the version until the last sender is dropped.
fn answer(waiting: &Receiver<Asker>, mut link: Link, with_origin: bool) {
    while let Ok(first) = waiting.recv() {
        let mut askers = vec![first];
        askers.extend(waiting.try_iter());
        // A request that asks from now on gets the answer to the next question.
        let position = link.ask(|session| {
            let origin = with_origin.then(|| session.origin().ok()).flatten();
            let version = session.current_version()?;
            Ok(Position { version, origin })
        });
        let position = position.ok();
        for asker in askers {
            // Fails if the client has gone.
            let _ = asker.send(position);
        }
    }
}
