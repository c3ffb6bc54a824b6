//! `healthcheck`: tells by its exit code whether a server is up and seeded, for containers without a shell.

use std::io;
use std::time::{Duration, Instant};

use tokio::time::{sleep, timeout_at};

use super::CommandError;
use super::args::DEFAULT_URL;
use crate::duration;
use crate::error_text::os_error;
use crate::http::client::{HttpUrl, get_status};

/// The path that is requested if the URL has none.
const DEFAULT_PATH: &str = "/healthz";
/// How long each step may take: to resolve the name, to connect to an address, to get the response.
const STEP_TIMEOUT: Duration = Duration::from_secs(5);
/// How long `--wait` pauses between two requests.
const PAUSE: Duration = Duration::from_millis(50);

/// The arguments of `healthcheck`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The server, or its health route: `http://HOST:PORT[/healthz]`, or `unix:PATH`
    #[arg(value_name = "URL", default_value = DEFAULT_URL)]
    url: String,
    /// Ask again for this long, until the server is healthy
    #[arg(
        long,
        value_name = "DURATION",
        allow_hyphen_values = true,
        default_value = "0s",
        value_parser = duration::parse
    )]
    wait: Duration,
}

/// Succeeds if the server answers 200, now or before the time to wait has passed.
pub fn run(args: Args) -> Result<(), CommandError> {
    let Some(url) = HttpUrl::parse(&args.url, DEFAULT_PATH) else {
        return Err(CommandError::Usage(format!(
            "`{}` is not the URL of a server; give one such as `{DEFAULT_URL}`",
            args.url
        )));
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let answer = runtime.block_on(status(&url, args.wait));
    // A name that is still being resolved must not delay the exit.
    runtime.shutdown_background();
    let failure = match answer {
        Ok(200) => return Ok(()),
        Ok(status) => format!("answers {status}; it is not healthy"),
        Err(error) => format!(
            "does not answer: {}; is the server running?",
            os_error(&error)
        ),
    };
    Err(CommandError::Failed(format!("`{}` {failure}", args.url)))
}

/// Requests the status until it is 200 or `wait` has passed, and returns the last answer.
async fn status(url: &HttpUrl, wait: Duration) -> io::Result<u16> {
    let end = Instant::now() + wait;
    let mut answer = get_status(url, STEP_TIMEOUT).await;
    while !matches!(answer, Ok(200)) && Instant::now() < end {
        sleep(PAUSE).await;
        // A request that is still running at the end is the answer of no server: the last complete answer counts.
        match timeout_at(end.into(), get_status(url, STEP_TIMEOUT)).await {
            Ok(later) => answer = later,
            Err(_) => break,
        }
    }
    answer
}
