//! What the tests share: the program in a temporary folder, a raw HTTP client, a terminal, random numbers and generated data.

pub mod database;
pub mod generated_data;
mod http;
mod multipart;
#[allow(dead_code, reason = "the trials use the rest")]
pub mod openapi_document;
mod program;
pub mod random;
pub mod scripted;
mod terminal;

pub use http::{Connection, Response, get};
pub use multipart::{Part, archive, upload};
pub use program::{Output, Server, WorkDir, command};
pub use terminal::Terminal;

/// The states of packages.
pub const STATES: [&str; 6] = [
    "AWAITING_UPLOAD",
    "PROCESSING_UPLOAD",
    "READY",
    "FAILED",
    "COPYING",
    "EXPIRED",
];
/// The roles in spaces.
pub const SPACE_ROLES: [&str; 4] = [
    "space_auditor",
    "space_developer",
    "space_manager",
    "space_supporter",
];
/// The roles in organizations.
pub const ORGANIZATION_ROLES: [&str; 4] = [
    "organization_user",
    "organization_auditor",
    "organization_manager",
    "organization_billing_manager",
];

/// Returns an error body of the edition 2015.
pub fn error_2015(code: u32, error_code: &str, description: &str) -> String {
    format!(
        "{{\n  \"code\": {code},\n  \"description\": \"{description}\",\n  \"error_code\": \"{error_code}\"\n}}"
    )
}

/// Returns the body of the 404 for an unknown route in the edition 2015.
pub fn unknown_request() -> String {
    error_2015(10000, "CF-NotFound", "Unknown request")
}
