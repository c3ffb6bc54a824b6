//! Controllers whose certificate they signed themselves.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::support::scripted::{json_response, page, root};
use crate::support::{Output, WorkDir};

/// Made with `openssl req -x509 -key rsa-one.pem -days 36500 -subj /CN=cf-packages.test
/// -addext subjectAltName=DNS:localhost,IP:127.0.0.1`: it may sign others.
const OF_AN_AUTHORITY: &str = "rsa-one.self-signed-ca.pem";
/// The same with `-addext basicConstraints=critical,CA:FALSE`.
const OF_A_SERVER: &str = "rsa-one.self-signed.pem";

fn fixture(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    folder.join(name).to_str().expect("UTF-8").to_owned()
}

/// Starts an empty controller with that certificate, and returns its URL. It ends with the tests.
fn controller(certificate: &str) -> String {
    let certificate = CertificateDer::from_pem_file(fixture(certificate)).expect("a certificate");
    let key = PrivateKeyDer::from_pem_file(fixture("rsa-one.pem")).expect("a key");
    let provider = Arc::new(ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions of TLS")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .expect("a key of the certificate");
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let config = config.clone();
            std::thread::spawn(move || serve(stream, config));
        }
    });
    format!("https://{address}")
}

/// Answers one request.
fn serve(stream: TcpStream, config: Arc<ServerConfig>) {
    let connection = ServerConnection::new(config).expect("a connection");
    let mut reader = BufReader::new(StreamOwned::new(connection, stream));
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        // A client that does not trust the certificate ends the connection.
        match reader.read_line(&mut head) {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
    }
    let target = head.split([' ', '?']).nth(1).unwrap_or_default();
    let body = match target.strip_prefix("/v3/") {
        Some(list) => page(list, "", &[]),
        None => root(),
    };
    let mut stream = reader.into_inner();
    let _ = stream.write_all(&json_response(200, "", &body));
    stream.conn.send_close_notify();
    let _ = stream.flush();
}

fn record(certificate: &str, flags: &[&str]) -> Output {
    let url = controller(certificate);
    let arguments = ["record", &url, "--token", "s3cret-t0ken"];
    WorkDir::new().run(&[&arguments[..], flags].concat())
}

#[test]
fn certificate_of_a_server_that_signed_it_itself_is_trusted_if_it_is_named() {
    let named = record(OF_A_SERVER, &["--ca-cert", &fixture(OF_A_SERVER)]);
    assert_eq!((named.status, &*named.stdout), (0, "{}\n"), "{named:?}");
    let unknown = record(OF_A_SERVER, &[]);
    assert_eq!(unknown.status, 1, "{unknown:?}");
    let advice = "name the certificate of the authority with `--ca-cert FILE`";
    assert!(unknown.stderr.contains(advice), "{unknown:?}");
}

#[test]
fn refusal_of_a_certificate_of_an_authority_says_how_to_make_one_of_a_server() {
    let refused = record(OF_AN_AUTHORITY, &["--ca-cert", &fixture(OF_AN_AUTHORITY)]);
    assert_eq!((refused.status, &*refused.stdout), (1, ""), "{refused:?}");
    for said in [
        "(`CA:TRUE`)",
        "make it with `openssl req -x509 … -addext basicConstraints=critical,CA:FALSE`",
        "`--skip-ssl-validation` accepts it",
    ] {
        assert!(refused.stderr.contains(said), "{refused:?}");
    }
    assert_eq!(refused.stderr.lines().count(), 1, "{refused:?}");
    let skipped = record(OF_AN_AUTHORITY, &["--skip-ssl-validation"]);
    assert_eq!(skipped.status, 0, "{skipped:?}");
}
