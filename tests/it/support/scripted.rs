//! A server that answers as a test says, and remembers what it was asked.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// A server on a free port of this computer. It ends with the tests.
pub struct Scripted {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Scripted {
    /// Starts a server. `answer` gets the target of each request, as `/v3/apps?page=2`, and returns all bytes of the
    /// response, or `None` to send nothing and keep the connection open.
    pub fn start(answer: impl Fn(&str) -> Option<Vec<u8>> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (seen, answer) = (requests.clone(), Arc::new(answer));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (seen, answer) = (seen.clone(), answer.clone());
                std::thread::spawn(move || serve(&stream, &seen, &*answer));
            }
        });
        Self { address, requests }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns the requests with their headers, in the order in which they arrived.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().expect("the requests").clone()
    }
}

fn serve(
    stream: &TcpStream,
    seen: &Mutex<Vec<String>>,
    answer: &(dyn Fn(&str) -> Option<Vec<u8>> + Send + Sync),
) {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        match reader.read_line(&mut head) {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
    }
    seen.lock().expect("the requests").push(head.clone());
    let target = head.split(' ').nth(1).unwrap_or_default();
    let mut stream = stream;
    match answer(target) {
        Some(bytes) => {
            let _ = stream.write_all(&bytes);
        }
        // Until the client closes the connection.
        None => {
            let _ = reader.read(&mut [0]);
        }
    }
}

/// Returns the bytes of a response in JSON.
pub fn json_response(status: u16, headers: &str, body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// Returns the body of `GET /` of a controller.
pub fn root() -> String {
    r#"{"links": {"cloud_controller_v3": {"href": "http://ignored/v3"}}}"#.to_owned()
}

/// Returns the body of a page of a list. `next` is the href of the next page, or empty.
pub fn page(list: &str, next: &str, resources: &[String]) -> String {
    let next = match next {
        "" => "null".to_owned(),
        next => format!(r#"{{"href": "{next}"}}"#),
    };
    format!(
        r#"{{"pagination": {{"total_results": 9, "first": {{"href": "/v3/{list}?page=1"}}, "next": {next}}},
            "resources": [{}]}}"#,
        resources.join(", ")
    )
}
