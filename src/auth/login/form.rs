//! The form fields of a token request.

use super::LoginError;

/// The decoded fields. An empty value counts as absent, and a repeated field is an error
/// ([RFC 6749 §3.2](https://www.rfc-editor.org/rfc/rfc6749#section-3.2)).
pub(super) struct Form<'f>(&'f [(String, String)]);

impl<'f> Form<'f> {
    pub fn new(fields: &'f [(String, String)]) -> Self {
        Self(fields)
    }

    pub fn required(&self, name: &'static str) -> Result<&'f str, LoginError> {
        self.optional(name)?
            .ok_or_else(|| invalid(format!("Missing parameter: {name}")))
    }

    fn optional(&self, name: &'static str) -> Result<Option<&'f str>, LoginError> {
        let mut values = self
            .0
            .iter()
            .filter(|(field, _)| field == name)
            .map(|(_, value)| value.as_str());
        let value = values.next().filter(|value| !value.is_empty());
        if values.next().is_some() {
            return Err(invalid(format!("Parameter given more than once: {name}")));
        }
        Ok(value)
    }

    /// Returns the client's id and secret: those of the Basic header, or else those of the form, where `cf` sends them.
    pub fn client(&self, basic: Option<(String, String)>) -> Result<(String, String), LoginError> {
        if let Some(client) = basic {
            return Ok(client);
        }
        let id = self.optional("client_id")?.ok_or_else(|| {
            LoginError::request(401, "unauthorized", "No client credentials were given")
        })?;
        let secret = self.optional("client_secret")?.unwrap_or_default();
        Ok((id.to_owned(), secret.to_owned()))
    }

    /// Returns the `allowed` scopes that the request names, or all of them if it names none.
    pub fn granted_scopes(&self, mut allowed: Vec<String>) -> Result<Vec<String>, LoginError> {
        let requested: Vec<&str> = self
            .optional("scope")?
            .unwrap_or_default()
            .split_ascii_whitespace()
            .collect();
        if !requested.is_empty() {
            allowed.retain(|scope| requested.contains(&scope.as_str()));
            if allowed.is_empty() {
                return Err(LoginError::request(
                    400,
                    "invalid_scope",
                    "None of the requested scopes are allowed",
                ));
            }
        }
        Ok(allowed)
    }
}

fn invalid(description: String) -> LoginError {
    LoginError::request(400, "invalid_request", description)
}
