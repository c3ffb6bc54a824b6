//! Recordings: a seed made from the answers of a real Cloud Controller, which only `GET` requests read.
//!
//! `origin` says which URLs get the token, `login` where the token comes from, and `client` sends one request at a time.
//! `scope` turns names into guids, `side_file` keeps what was read, and the seed's `Recorder` turns pages into lines.

mod client;
mod login;
mod origin;
mod output;
mod position;
mod progress;
mod retry;
mod scope;
mod side_file;
mod transport;

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use crate::auth::Secret;
use crate::seed::{RecordedList, Recorder};
use crate::signals::{self, Signal};
pub use client::Client;
pub use login::{CfLogin, Login};
pub use origin::ApiUrl;
use output::Output;
use position::{LeftOut, Start};
use scope::Scope;
pub use scope::Selection;
use side_file::Resumed;
pub use transport::Tls;

/// What a seed cannot have, because no answer has it.
const NOT_IN_ANSWERS: &str = "no answer holds the passwords of docker registries and the bits of packages, so the seed has neither";

/// Why a recording failed.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// Wrong usage: flags contradict each other, or the value of one cannot be used.
    #[error("{0}")]
    Usage(String),
    /// Anything else.
    #[error("{0}")]
    Failed(String),
    /// The controller answers with an error.
    #[error("{text}")]
    Refused {
        /// The status of the response.
        status: u16,
        /// What the controller says.
        text: String,
    },
    /// The reader of standard output, such as `head`, has read what it needs.
    #[error("the reader of standard output has closed it")]
    ReaderClosed,
    /// A signal ended the work.
    #[error("stopped by {}", .0.name())]
    Stopped(Signal),
}

impl RecordError {
    fn require_no_signal() -> Result<(), Self> {
        signals::received().map_or(Ok(()), |signal| Err(Self::Stopped(signal)))
    }

    /// Returns the error with what to do next added.
    fn with_advice(self, advice: &str) -> Self {
        match self {
            Self::Failed(text) => Self::Failed(format!("{text}; {advice}")),
            Self::Refused { status, text } => Self::Refused {
                status,
                text: format!("{text}; {advice}"),
            },
            Self::Stopped(signal) => {
                Self::Failed(format!("stopped by {}; {advice}", signal.name()))
            }
            other @ (Self::Usage(_) | Self::ReaderClosed) => other,
        }
    }
}

/// The key under which replacements are made.
#[derive(Clone, Debug)]
pub enum AnonymizeKey {
    /// A new one for each recording.
    Random,
    /// The same one for several recordings.
    Given(Secret),
}

/// What is recorded, and where to.
#[derive(Debug)]
pub struct Recording {
    /// The organizations, spaces and apps.
    pub selection: Selection,
    /// The most packages.
    pub limit: Option<u64>,
    /// How many resources a page has at most.
    pub per_page: u64,
    /// The file, or standard output.
    pub output: Option<PathBuf>,
    /// Whether names are replaced.
    pub anonymize: Option<AnonymizeKey>,
}

/// Records, and reports on stderr what was recorded.
///
/// # Errors
///
/// Fails if the controller cannot be read, or if the output cannot be written. Nothing is then written under the name of the
/// output; its side file keeps what was read, and the next call with the same recording continues there.
pub fn record(client: &Client, recording: &Recording) -> Result<(), RecordError> {
    let (mut out, resumed) = Output::open(client, recording)?;
    let read = read_lists(client, recording, resumed, &mut out);
    client.progress().end();
    let (recorder, left_out) = match read {
        Ok(read) => read,
        Err(error) => return Err(out.give_up(error)),
    };
    let place = out.finish(recording)?;
    report(client, &recorder, &left_out, place.as_deref());
    Ok(())
}

/// Reads every list.
fn read_lists(
    client: &Client,
    recording: &Recording,
    resumed: Resumed,
    out: &mut Output,
) -> Result<(Recorder, LeftOut), RecordError> {
    let Resumed {
        mut recorder,
        position,
        mut left_out,
    } = resumed;
    client.check_root()?;
    let scope = Scope::resolve(client, &recording.selection, recording.per_page)?;
    let mut are_roles_read = true;
    for list in RecordedList::ALL {
        let urls = match (list, position.start_of(list)) {
            (_, Start::Done) => continue,
            (_, Start::At(href)) => vec![href],
            (RecordedList::Users, Start::Beginning) if !are_roles_read => Vec::new(),
            (_, Start::Beginning) => {
                let queries = scope.queries(list, &recorder);
                client.lists(list, queries, recording)
            }
        };
        let mut reader = ListReader {
            client,
            recording,
            list,
            left_out: 0,
            is_refused: false,
        };
        reader.read(urls, &mut recorder, out)?;
        left_out.add(list, reader.left_out);
        match list {
            // Users are complete only with the list of users.
            RecordedList::Roles => are_roles_read = !reader.is_refused,
            RecordedList::Users => {
                let mut lines = Vec::new();
                recorder
                    .end_users(scope.has_all_users(), &mut lines)
                    .map_err(|text| {
                        RecordError::Failed(format!("the users cannot be kept: {text}"))
                    })?;
                if position.start_of(RecordedList::Roles) != Start::Done {
                    let count = left_out.of(RecordedList::Roles);
                    out.append(&lines, RecordedList::Roles, None, count)?;
                    lines.clear();
                }
                out.append(&lines, list, None, reader.left_out)?;
            }
            _ => out.append(&[], list, None, 0)?,
        }
    }
    Ok((recorder, left_out))
}

/// Reads the pages of one list.
struct ListReader<'r> {
    client: &'r Client,
    recording: &'r Recording,
    list: RecordedList,
    /// How many resources were left out.
    left_out: u64,
    /// Whether the controller does not show the list.
    is_refused: bool,
}

impl ListReader<'_> {
    /// Reads the pages that begin at each of `urls`.
    fn read(
        &mut self,
        urls: Vec<String>,
        recorder: &mut Recorder,
        out: &mut Output,
    ) -> Result<(), RecordError> {
        let mut lines = Vec::new();
        'urls: for url in urls {
            let mut next = Some(url);
            let mut seen = HashSet::new();
            while let Some(url) = next {
                if self.limit_left(recorder) == Some(0) {
                    break;
                }
                if !seen.insert(url.clone()) {
                    return Err(self.client.loop_error(&url));
                }
                let Some(body) = self.page(&url)? else {
                    self.is_refused = true;
                    if self.list == RecordedList::Roles {
                        // Some roles of a user would look like all of them.
                        recorder.forget_roles();
                        self.left_out = 0;
                    }
                    break 'urls;
                };
                let before = self.left_out;
                next = self.add_page(&url, &body, recorder, &mut lines)?;
                if !matches!(self.list, RecordedList::Roles | RecordedList::Users) {
                    let left_out = self.left_out - before;
                    out.append(&lines, self.list, next.as_deref(), left_out)?;
                    lines.clear();
                }
            }
        }
        Ok(())
    }

    /// Returns the body of a page, or `None` if it is one of roles or users that may not be read.
    fn page(&self, url: &str) -> Result<Option<String>, RecordError> {
        let consequence = match self.list {
            RecordedList::Roles => "roles are left out",
            RecordedList::Users => "users have the order of their roles",
            _ => return self.client.get(url).map(Some),
        };
        match self.client.get(url) {
            Err(RecordError::Refused {
                status: 403 | 404,
                text,
            }) => {
                let progress = self.client.progress();
                progress.note(&format!("{text}; {consequence}"));
                Ok(None)
            }
            body => body.map(Some),
        }
    }

    /// Turns a page into lines, and returns the URL of the next one.
    fn add_page(
        &mut self,
        url: &str,
        body: &str,
        recorder: &mut Recorder,
        lines: &mut Vec<u8>,
    ) -> Result<Option<String>, RecordError> {
        let limit = self.limit_left(recorder);
        let page = recorder
            .page(self.list, body, limit, lines)
            .map_err(|text| self.client.answer_error(url, &text))?;
        self.left_out += page.left_out;
        let Some(next) = page.next else {
            return Ok(None);
        };
        // A server could send such pages forever.
        if page.new + page.left_out == 0 && limit != Some(0) {
            return Err(self.client.loop_error(&next));
        }
        self.client
            .progress()
            .show(self.list.name(), page.new + page.left_out, page.total);
        self.client.next_url(url, &next).map(Some)
    }

    fn limit_left(&self, recorder: &Recorder) -> Option<u64> {
        let limit = self.recording.limit?;
        let is_limited = self.list == RecordedList::Packages;
        is_limited.then(|| limit.saturating_sub(recorder.packages()))
    }
}

/// Reports what was recorded.
fn report(client: &Client, recorder: &Recorder, left_out: &LeftOut, place: Option<&Path>) {
    let counts: Vec<_> = recorder
        .counts()
        .map(|(kind, count)| counted(count as u64, kind))
        .collect();
    let place = place.map_or(String::new(), |path| format!(" to `{}`", path.display()));
    let progress = client.progress();
    progress.note(&format!("recorded {}{place}", counts.join(", ")));
    for (list, count) in left_out.counts() {
        let why = match list {
            RecordedList::Roles => {
                "held in what is not recorded, or by a user whose guid no seed can hold"
            }
            RecordedList::Users => "with a guid that no seed can hold",
            _ => {
                "of something that is not recorded, perhaps because it was made meanwhile, or with a name that another one had before"
            }
        };
        let were = if count == 1 { "was" } else { "were" };
        let counted = counted(count, list.name());
        progress.note(&format!("{counted} {were} left out: {why}"));
    }
    progress.note(NOT_IN_ANSWERS);
}

/// Returns a number with a word, which is given in the plural.
fn counted(count: u64, plural: &str) -> String {
    let singular = plural.strip_suffix('s').unwrap_or(plural);
    let word = if count == 1 { singular } else { plural };
    format!("{count} {word}")
}
