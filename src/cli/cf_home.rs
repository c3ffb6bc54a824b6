//! `DIR/.cf/config.json`: the configuration with which the `cf` program and go-cfclient are logged in.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::CommandError;
use super::args::DEFAULT_URL;
use crate::auth::tokens::CF_CLIENT;
use crate::private_file::{make_private_folder, write_private};

/// The version of the API that `current` speaks.
const API_VERSION: &str = "3.228.0";
/// The version of the file that `cf` 8 writes. `cf` ignores files of another version.
const CONFIG_VERSION: u8 = 4;

/// A home folder of the `cf` program (its `CF_HOME`), and the server that it uses.
#[derive(Debug)]
pub struct CfHome {
    folder: PathBuf,
    url: String,
}

/// The part of the configuration that clients need. `cf` adds the rest.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Config<'a> {
    #[serde(rename = "APIVersion")]
    api_version: &'static str,
    access_token: String,
    authorization_endpoint: &'a str,
    config_version: u8,
    refresh_token: &'a str,
    #[serde(rename = "SSLDisabled")]
    ssl_disabled: bool,
    target: &'a str,
    #[serde(rename = "UAAGrantType")]
    uaa_grant_type: &'static str,
    #[serde(rename = "UAAOAuthClient")]
    uaa_oauth_client: &'static str,
    #[serde(rename = "UAAOAuthClientSecret")]
    uaa_oauth_client_secret: &'static str,
    uaa_endpoint: &'a str,
}

impl CfHome {
    /// Returns a home at `folder` for the server at `url`. Writes nothing yet.
    ///
    /// # Errors
    ///
    /// Fails with wrong usage if `url` is not an `http` or `https` URL.
    pub fn new(folder: &Path, url: &str) -> Result<Self, CommandError> {
        let host = url
            .strip_prefix("http://")
            .or_else(|| url.strip_prefix("https://"))
            .filter(|rest| {
                !rest.trim_matches('/').is_empty() && !rest.contains(char::is_whitespace)
            });
        if host.is_none() {
            return Err(CommandError::Usage(format!(
                "`{url}` is no URL of a server; give one as `{DEFAULT_URL}`"
            )));
        }
        Ok(Self {
            folder: folder.to_owned(),
            // Clients append paths that begin with a slash.
            url: url.trim_end_matches('/').to_owned(),
        })
    }

    /// Writes the configuration with mode 0600, in a folder with mode 0700.
    ///
    /// # Errors
    ///
    /// Fails with a sentence that names the file or the folder that cannot be written.
    pub fn write(&self, access_token: &str, refresh_token: &str) -> Result<(), String> {
        let config = Config {
            api_version: API_VERSION,
            access_token: format!("bearer {access_token}"),
            authorization_endpoint: &self.url,
            config_version: CONFIG_VERSION,
            refresh_token,
            ssl_disabled: false,
            target: &self.url,
            uaa_grant_type: "",
            uaa_oauth_client: CF_CLIENT,
            uaa_oauth_client_secret: "",
            uaa_endpoint: &self.url,
        };
        let mut json = serde_json::to_string_pretty(&config)
            .map_err(|error| format!("the configuration cannot be written: {error}"))?;
        json.push('\n');
        let folder = self.folder.join(".cf");
        make_private_folder(&folder)?;
        write_private(&folder.join("config.json"), json.as_bytes())
    }
}
