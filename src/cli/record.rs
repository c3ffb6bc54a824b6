//! `record`: a seed from the answers of a real Cloud Controller.

use std::path::PathBuf;

use super::{CommandError, values};
use crate::auth::Secret;
use crate::auth::secret;
use crate::record::{
    AnonymizeKey, ApiUrl, CfLogin, Client, Login, RecordError, Recording, Selection, Tls, record,
};

/// The headings of the help.
const SELECTION: &str = "What is recorded";
const OUTPUT: &str = "Output";
const LOGIN: &str = "Login";
const CONNECTION: &str = "Connection";

/// How many resources a page has at most if no `--per-page` is given.
const DEFAULT_PER_PAGE: &str = "500";

/// The arguments of `record`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The API of the controller, as `cf api` shows it [default: that of the login of `cf`]
    #[arg(value_name = "URL")]
    url: Option<String>,
    /// An organization, by name or guid; repeatable
    #[arg(long, value_name = "NAME", help_heading = SELECTION)]
    organization: Vec<String>,
    /// A space, by name or guid; repeatable
    #[arg(long, value_name = "NAME", help_heading = SELECTION)]
    space: Vec<String>,
    /// An app, by name or guid; repeatable
    #[arg(long, value_name = "NAME", help_heading = SELECTION)]
    app: Vec<String>,
    /// Record at most N packages: the first ones
    #[arg(long, value_name = "N", allow_hyphen_values = true, value_parser = values::parse_count, help_heading = SELECTION)]
    limit: Option<u64>,
    /// The file to write, which must not exist [default: standard output]; `FILE.partial` keeps what was read, so that the same
    /// command goes on after an interruption
    #[arg(long, value_name = "FILE", help_heading = OUTPUT)]
    output: Option<PathBuf>,
    /// Replace names, guids, images, checksums, errors, labels, annotations and users by made-up ones
    #[arg(long, help_heading = OUTPUT)]
    anonymize: bool,
    /// The key of the replacements, so that several recordings have the same ones; implies `--anonymize`
    // Without `allow_hyphen_values`, clap would print a key that begins with `-` in its error.
    #[arg(long, value_name = "KEY", allow_hyphen_values = true, help_heading = OUTPUT)]
    anonymize_key: Option<Secret>,
    /// File with the key of the replacements
    #[arg(long, value_name = "FILE", help_heading = OUTPUT)]
    anonymize_key_file: Option<PathBuf>,
    /// The token, with or without the word `bearer` [default: that of the login of `cf`]
    #[arg(long, value_name = "TOKEN", allow_hyphen_values = true, help_heading = LOGIN)]
    token: Option<Secret>,
    /// File with the token
    #[arg(long, value_name = "FILE", help_heading = LOGIN)]
    token_file: Option<PathBuf>,
    /// The folder with the login of `cf`: `DIR/.cf/config.json` [default: `CF_HOME`, or else the home of the user]
    #[arg(long, value_name = "DIR", help_heading = LOGIN)]
    cf_home: Option<PathBuf>,
    /// Do not check the certificate of the controller
    #[arg(long, help_heading = CONNECTION)]
    skip_ssl_validation: bool,
    /// File with certificates in PEM that are trusted beside those of the system
    #[arg(long, value_name = "FILE", conflicts_with = "skip_ssl_validation", help_heading = CONNECTION)]
    ca_cert: Option<PathBuf>,
    /// How many resources a page has at most, from 1 to 5000
    #[arg(long, value_name = "N", default_value = DEFAULT_PER_PAGE, allow_hyphen_values = true, value_parser = parse_per_page, help_heading = CONNECTION)]
    per_page: u64,
}

/// Records, and reports on stderr.
pub fn run(args: Args) -> Result<(), CommandError> {
    let (client, recording) = prepare(args)?;
    match record(&client, &recording) {
        Err(RecordError::ReaderClosed) => Ok(()),
        recorded => recorded.map_err(command_error),
    }
}

/// Returns what the flags say.
fn prepare(args: Args) -> Result<(Client, Recording), CommandError> {
    let url = args.url.as_deref().map(ApiUrl::parse).transpose();
    let url = url.map_err(command_error)?;
    let token = secret::resolve_one("token", args.token.as_ref(), args.token_file.as_ref())
        .map_err(CommandError::from_secrets)?;
    let key = secret::resolve_one(
        "anonymize-key",
        args.anonymize_key.as_ref(),
        args.anonymize_key_file.as_ref(),
    )
    .map_err(CommandError::from_secrets)?;
    let tls = Tls::new(args.skip_ssl_validation, args.ca_cert.as_deref());
    let mut tls = tls.map_err(command_error)?;
    let (url, login) = match (token, url) {
        (Some(token), Some(url)) => (url, Login::with_token(&token).map_err(command_error)?),
        (Some(_), None) => {
            return Err(CommandError::Usage(
                "the URL of the API is missing; give it with the token, as `cf-packages record https://api.example.org`"
                    .into(),
            ));
        }
        (None, url) => {
            let cf = CfLogin::read(args.cf_home.as_deref()).map_err(command_error)?;
            if cf.skip_validation {
                tls = tls.without_validation();
            }
            let url = cf.url_for(url).map_err(command_error)?;
            (url, cf.login)
        }
    };
    let recording = Recording {
        selection: Selection {
            organizations: args.organization,
            spaces: args.space,
            apps: args.app,
        },
        limit: args.limit,
        per_page: args.per_page,
        output: args.output,
        anonymize: match key {
            Some(key) => Some(AnonymizeKey::Given(key)),
            None if args.anonymize => Some(AnonymizeKey::Random),
            None => None,
        },
    };
    let client = Client::new(url, tls, login).map_err(command_error)?;
    Ok((client, recording))
}

fn command_error(error: RecordError) -> CommandError {
    match error {
        RecordError::Usage(text) => CommandError::Usage(text),
        other => CommandError::Failed(other.to_string()),
    }
}

fn parse_per_page(text: &str) -> Result<u64, String> {
    values::parse_count(text)
        .ok()
        .filter(|count| (1..=5000).contains(count))
        .ok_or_else(|| "expected a whole number from 1 to 5000".into())
}
