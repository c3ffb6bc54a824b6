//! An upload, as an edition judges it: the names of its parts, and the files that it only names.

/// The parts of an upload, without the file.
#[derive(Clone, Debug, Default)]
pub struct UploadForm {
    /// The names of all parts, in the order in which they were sent.
    pub names: Vec<String>,
    /// Whether there is a file in the part `bits`.
    pub has_bits: bool,
    /// The content of the part `resources`.
    pub resources: Option<Vec<u8>>,
}

/// A file of an upload that is not sent: the server is to have its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadResource {
    /// The path in the archive: relative, without `.` and `..`.
    pub path: String,
    /// The SHA-1 of the content.
    pub sha1: String,
    /// The permissions, such as `0o644`.
    pub mode: u32,
}

impl UploadForm {
    /// Returns what is wrong with the names of the parts if only those in `known` may be sent.
    pub(super) fn unknown_fields(&self, known: &[&str]) -> Option<String> {
        let mut unknown: Vec<String> = Vec::new();
        for name in &self.names {
            let quoted = format!("'{name}'");
            if !known.contains(&name.as_str()) && !unknown.contains(&quoted) {
                unknown.push(quoted);
            }
        }
        (!unknown.is_empty()).then(|| format!("Unknown field(s): {}", unknown.join(", ")))
    }
}
