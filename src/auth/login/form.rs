//! The fields of a token request.

use super::LoginError;

/// The fields, decoded. A field with an empty value is as good as none; one that stands twice is a fault.
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

    /// The client's id and secret, from the Basic header or else from the form, as `cf` sends client credentials.
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

    /// Those of the `allowed` scopes that are asked for: all, if none are named.
    pub fn granted(&self, mut allowed: Vec<String>) -> Result<Vec<String>, LoginError> {
        let asked: Vec<&str> = self
            .optional("scope")?
            .unwrap_or_default()
            .split_ascii_whitespace()
            .collect();
        if !asked.is_empty() {
            allowed.retain(|scope| asked.contains(&scope.as_str()));
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
