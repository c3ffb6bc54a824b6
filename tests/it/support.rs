//! What the tests share: the program in a temporary folder, a raw HTTP client, random numbers and generated data.

pub mod generated_data;
mod http;
mod program;
pub mod random;

pub use http::{Connection, Response, get};
pub use program::{Output, Server, WorkDir, command};

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
