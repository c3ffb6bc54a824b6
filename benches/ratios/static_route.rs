//! The baseline of a cached page: one warp route that sends bytes from memory, behind a plain accept loop.

use std::io::{Write, stdout};
use std::path::Path;

use bytes::Bytes;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use warp::Filter;
use warp::http::header::{CONTENT_TYPE, HeaderValue};

use crate::Result;
use crate::process::on_end_of_input;

const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");

/// Serves that file until the end of standard input.
pub fn run(body: &Path) -> Result<()> {
    let body = Bytes::from(std::fs::read(body)?);
    on_end_of_input(|| std::process::exit(0));
    let route = warp::path!("v3" / "packages")
        .and(warp::get())
        .map(move || {
            let mut response = warp::reply::Response::new(body.clone().into());
            response.headers_mut().insert(CONTENT_TYPE, JSON);
            response
        });
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        writeln!(stdout(), "listening on http://{}", listener.local_addr()?)?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let service = TowerToHyperService::new(warp::service(route.clone()));
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .serve_connection(TokioIo::new(stream), service);
            tokio::spawn(connection);
        }
    })
}
