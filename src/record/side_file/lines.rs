//! The lines of a side file that are not part of the seed.

use serde::{Deserialize, Serialize};

use crate::record::origin::ApiUrl;
use crate::record::{AnonymizeKey, Recording};
use crate::seed::{Anonymizer, RecordedList};

/// The version of the format.
pub(super) const VERSION: u32 = 1;
/// The beginning of the lines that are not part of the seed.
pub(super) const HEADER: &str = "{\"recording\":";
pub(super) const PAGE: &str = "{\"page\":";

/// The first line.
#[derive(Serialize, Deserialize)]
pub(super) struct HeaderLine {
    pub(super) recording: Header,
}

/// Which recording it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Header {
    pub(super) version: u32,
    pub(super) url: String,
    pub(super) organizations: Vec<String>,
    pub(super) spaces: Vec<String>,
    pub(super) apps: Vec<String>,
    pub(super) limit: Option<u64>,
    /// By what the key of replacements is recognized, if it was given.
    pub(super) fingerprint: Option<String>,
    /// The key of replacements, if it is a random one.
    pub(super) key: Option<String>,
}

/// The line after those of a page.
#[derive(Serialize, Deserialize)]
pub(super) struct PageLine {
    pub(super) page: PageEnd,
}

/// Which page of which list was read.
#[derive(Serialize, Deserialize)]
pub(super) struct PageEnd {
    pub(super) list: String,
    /// The page that follows.
    pub(super) next: Option<String>,
    /// How many resources of the page were left out.
    pub(super) left_out: u64,
}

impl Header {
    /// Returns the header of a recording of `url`. `key` is the random key of replacements.
    pub(super) fn of(
        url: &ApiUrl,
        recording: &Recording,
        anonymizer: Option<&Anonymizer>,
        key: Option<String>,
    ) -> Self {
        let is_given = matches!(recording.anonymize, Some(AnonymizeKey::Given(_)));
        let selection = &recording.selection;
        Self {
            version: VERSION,
            url: url.as_str().to_owned(),
            organizations: selection.organizations.clone(),
            spaces: selection.spaces.clone(),
            apps: selection.apps.clone(),
            limit: recording.limit,
            fingerprint: anonymizer.filter(|_| is_given).map(Anonymizer::fingerprint),
            key,
        }
    }
}

/// Returns a line without its line break.
pub(super) fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("text and numbers are always valid JSON")
}

/// Returns the list with that name.
pub(super) fn list_named(name: &str) -> Option<RecordedList> {
    RecordedList::ALL
        .into_iter()
        .find(|list| list.name() == name)
}
