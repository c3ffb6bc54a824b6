//! What an upload may send, and the errors of files that are not accepted.

use serde::Deserialize;

use crate::blobs::LONGEST_PATH;
use crate::blobs::archive::ArchiveFault;
use crate::edition::{UploadForm, UploadResource};
use crate::error::ApiError;

/// The parts that an upload may have.
const PARTS: &[&str] = &["bits", "resources"];

/// The permissions of a file that a request gives none.
const MODE: u32 = 0o644;

/// A file that the client does not send, in one of the two forms that clients use. Its size is not compared with anything.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Resource {
    /// As `PUT /v2/resource_match` returns it.
    V2 {
        #[serde(rename = "fn")]
        path: String,
        sha1: String,
        mode: Option<String>,
        #[serde(rename = "size")]
        _size: Option<u64>,
    },
    /// As `POST /v3/resource_matches` returns it.
    V3 {
        path: String,
        checksum: Checksum,
        mode: Option<String>,
        #[serde(rename = "size_in_bytes")]
        _size: Option<u64>,
    },
}

#[derive(Debug, Deserialize)]
struct Checksum {
    value: String,
}

/// Parses the parts of an upload.
pub(in crate::edition) fn parse(form: &UploadForm) -> Result<Vec<UploadResource>, ApiError> {
    let resources: Vec<Resource> = match &form.resources {
        None => Vec::new(),
        Some(json) => serde_json::from_slice(json)
            .map_err(|_| ApiError::Unprocessable("Resources must be valid JSON.".into()))?,
    };
    let mut faults = Vec::new();
    faults.extend(form.unknown_fields(PARTS));
    if !form.has_bits && resources.is_empty() {
        faults.push("Upload must include either resources or bits".into());
    }
    if !faults.is_empty() {
        return Err(ApiError::Unprocessable(faults.join(", ")));
    }
    resources.into_iter().map(resource).collect()
}

fn resource(resource: Resource) -> Result<UploadResource, ApiError> {
    let (Resource::V2 {
        path, sha1, mode, ..
    }
    | Resource::V3 {
        path,
        checksum: Checksum { value: sha1 },
        mode,
        ..
    }) = resource;
    let sha1 = sha1.to_ascii_lowercase();
    let is_safe = path.len() <= LONGEST_PATH
        && !path.starts_with('/')
        && !path.contains(['\0', '\\'])
        && path.split('/').all(|name| !matches!(name, "" | "." | ".."));
    if !is_safe {
        return Err(ApiError::Unprocessable(format!(
            "The resource file path is invalid: File path '{path}' is not safe."
        )));
    }
    let mode = match mode {
        None => MODE,
        Some(text) => u32::from_str_radix(&text, 8)
            .ok()
            .map(|mode| mode & 0o777)
            .filter(|mode| mode & 0o400 != 0)
            .ok_or_else(|| {
                ApiError::Unprocessable(format!(
                    "The resource file mode is invalid: File mode '{text}' is invalid."
                ))
            })?,
    };
    Ok(UploadResource { path, sha1, mode })
}

/// Returns the `error` of a package with such a file.
pub(in crate::edition) fn error_of(fault: ArchiveFault) -> String {
    match fault {
        ArchiveFault::Invalid => "The app upload is invalid: Invalid zip archive.".into(),
        ArchiveFault::Empty => {
            "The app upload is invalid: Invalid zip archive (zipfile is empty).".into()
        }
        ArchiveFault::TooLarge { limit } => {
            format!("The app package is invalid: Package may not be larger than {limit} bytes")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(resources: &str) -> Result<Vec<UploadResource>, ApiError> {
        parse(&UploadForm {
            names: vec!["resources".into()],
            has_bits: false,
            resources: Some(resources.into()),
        })
    }

    #[test]
    fn both_forms_of_resources_are_taken() {
        let expected = |mode| {
            Ok(vec![UploadResource {
                path: "lib/a.jar".into(),
                sha1: "12".into(),
                mode,
            }])
        };
        let v2 = r#"[{"fn":"lib/a.jar","size":2,"sha1":"12","mode":"0755"}]"#;
        assert_eq!(parsed(v2), expected(0o755));
        let v3 =
            r#"[{"path":"lib/a.jar","size_in_bytes":2,"checksum":{"value":"12"},"mode":"100644"}]"#;
        assert_eq!(parsed(v3), expected(0o644));
        let without_mode = r#"[{"fn":"lib/a.jar","sha1":"12"}]"#;
        assert_eq!(parsed(without_mode), expected(0o644));
    }

    #[test]
    fn wrong_resources_are_named() {
        for (resources, error) in [
            ("", "Resources must be valid JSON."),
            ("{}", "Resources must be valid JSON."),
            (r#"[{"fn":"a"}]"#, "Resources must be valid JSON."),
            (
                r#"[{"fn":"a","sha1":"12","size":-1}]"#,
                "Resources must be valid JSON.",
            ),
            (
                r#"[{"path":"a","checksum":{"value":"12"},"size_in_bytes":"x"}]"#,
                "Resources must be valid JSON.",
            ),
            ("[]", "Upload must include either resources or bits"),
            (
                r#"[{"fn":"../a","sha1":"12"}]"#,
                "The resource file path is invalid: File path '../a' is not safe.",
            ),
            (
                r#"[{"fn":"a","sha1":"12","mode":"rw"}]"#,
                "The resource file mode is invalid: File mode 'rw' is invalid.",
            ),
        ] {
            let expected = Err(ApiError::Unprocessable(error.into()));
            assert_eq!(parsed(resources), expected, "{resources}");
        }
    }
}
