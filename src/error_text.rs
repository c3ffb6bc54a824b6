//! The text of operating system errors, as our messages quote it.

/// Returns the operating system's words for `error` in lower case, without Rust's `(os error N)`.
pub fn os_error(error: &std::io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or(&text);
    text.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::os_error;

    #[test]
    fn number_of_the_error_is_left_out() {
        let error = std::fs::read("/no/such/file").unwrap_err();
        assert_eq!(os_error(&error), "no such file or directory");
    }
}
